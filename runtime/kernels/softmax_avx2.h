// The softmax of attention's scores. Only for files compiled for AVX2.
#pragma once

#include <cstdint>

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/exp_avx2.h"

namespace pith {
namespace {

// Turns scores into e^(score − max); returns their sum.
inline float Softmax(float* scores, int64_t length) {
  __m256 tops = _mm256_set1_ps(-__builtin_inff());
  for (int64_t i = 0; i < length; i += 8) tops = _mm256_max_ps(tops, LoadOrLowest(scores + i, length - i));
  const __m256 top = _mm256_set1_ps(Max(tops));
  __m256 sum = _mm256_setzero_ps();
  for (int64_t i = 0; i < length; i += 8) {
    const __m256 e = Exp(_mm256_sub_ps(LoadOrLowest(scores + i, length - i), top));
    _mm256_maskstore_ps(scores + i, Lanes(length - i), e);
    sum = _mm256_add_ps(sum, e);
  }
  return Sum(sum);
}

// The scores of a head become its weights; returns their sum.
inline float Weigh(const AttendArgs& a, int64_t head) {
  float* scores = a.scores + head * a.length;
  if (a.soft_cap > 0 || a.skip > 0) ShapeScores(a, scores);
  return Softmax(scores, a.length);
}

}  // namespace
}  // namespace pith
