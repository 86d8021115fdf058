// The softmax of a row of scores with NEON.
#pragma once
#if defined(__aarch64__)
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/exp_neon.h"

namespace pith {
namespace {

// Turns scores into e^(score − max); returns their sum.
inline float Softmax(float* scores, int64_t length) {
  const float lowest = -__builtin_inff();
  float32x4_t tops = vdupq_n_f32(lowest);
  for (int64_t i = 0; i < length; i += 4) tops = vmaxq_f32(tops, LoadFirst(scores + i, length - i, lowest));
  const float32x4_t top = vdupq_n_f32(vmaxvq_f32(tops));
  float32x4_t sum = vdupq_n_f32(0.0f);
  for (int64_t i = 0; i < length; i += 4) {
    const float32x4_t e = Exp(vsubq_f32(LoadFirst(scores + i, length - i, lowest), top));
    StoreFirst(scores + i, length - i, e);
    sum = vaddq_f32(sum, e);
  }
  return vaddvq_f32(sum);
}

// The scores of a head become its weights; returns their sum.
inline float Weigh(const AttendArgs& a, int64_t head) {
  float* scores = a.scores + head * a.length;
  if (a.soft_cap > 0 || a.skip > 0) ShapeScores(a, scores);
  return Softmax(scores, a.length);
}

}  // namespace
}  // namespace pith
#endif
