// The softmax of attention's scores. Only for files compiled for AVX-512.
#pragma once

#include <cstdint>

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/exp_avx512.h"

namespace pith {
namespace {

// The first `left` of 16 lanes.
inline __mmask16 Lanes(int64_t left) { return static_cast<__mmask16>(left >= 16 ? 0xffffu : (1u << left) - 1u); }

// Turns scores into e^(score − max); returns their sum.
inline float Softmax(float* scores, int64_t length) {
  const __m512 lowest = _mm512_set1_ps(-__builtin_inff());
  __m512 tops = lowest;
  for (int64_t i = 0; i < length; i += 16) {
    tops = _mm512_max_ps(tops, _mm512_mask_loadu_ps(lowest, Lanes(length - i), scores + i));
  }
  const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(tops));
  __m512 sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < length; i += 16) {
    const __mmask16 lanes = Lanes(length - i);
    const __m512 e = _mm512_maskz_mov_ps(lanes, Exp(_mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, scores + i), top)));
    _mm512_mask_storeu_ps(scores + i, lanes, e);
    sum = _mm512_add_ps(sum, e);
  }
  return _mm512_reduce_add_ps(sum);
}

// The scores of a head become its weights; returns their sum.
inline float Weigh(const AttendArgs& a, int64_t head) {
  float* scores = a.scores + head * a.length;
  if (a.soft_cap > 0 || a.skip > 0) ShapeScores(a, scores);
  return Softmax(scores, a.length);
}

}  // namespace
}  // namespace pith
