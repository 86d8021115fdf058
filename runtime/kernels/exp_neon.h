// e^x in four lanes, and loads of what is left of a row, for 64-bit Arm.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>

#include <cstdint>

namespace pith {
namespace {

// As in exp_avx512.h. 2^n is built in two halves, since n reaches from −151 to 129.
inline float32x4_t Exp(float32x4_t x) {
  const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504089f));
  float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f));
  r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4f));
  float32x4_t p = vdupq_n_f32(1.0f / 5040.0f);
  p = vfmaq_f32(vdupq_n_f32(1.0f / 720.0f), p, r);
  p = vfmaq_f32(vdupq_n_f32(1.0f / 120.0f), p, r);
  p = vfmaq_f32(vdupq_n_f32(1.0f / 24.0f), p, r);
  p = vfmaq_f32(vdupq_n_f32(1.0f / 6.0f), p, r);
  p = vfmaq_f32(vdupq_n_f32(0.5f), p, r);
  p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
  p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
  const int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
  const auto power = [](int32x4_t e) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(e, vdupq_n_s32(127)), 23)); };
  const float32x4_t scaled = vmulq_f32(vmulq_f32(p, power(half)), power(vsubq_s32(whole, half)));
  const float32x4_t low = vbslq_f32(vcltq_f32(x, vdupq_n_f32(-104.0f)), vdupq_n_f32(0.0f), scaled);
  return vbslq_f32(vcgtq_f32(x, vdupq_n_f32(89.0f)), vdupq_n_f32(__builtin_inff()), low);
}

// Four values, or the first `left` of them and `filler` in the other lanes.
inline float32x4_t LoadFirst(const float* x, int64_t left, float filler) {
  if (left >= 4) return vld1q_f32(x);
  float values[4] = {filler, filler, filler, filler};
  for (int64_t i = 0; i < left; ++i) values[i] = x[i];
  return vld1q_f32(values);
}

inline void StoreFirst(float* x, int64_t left, float32x4_t v) {
  if (left >= 4) {
    vst1q_f32(x, v);
    return;
  }
  float values[4];
  vst1q_f32(values, v);
  for (int64_t i = 0; i < left; ++i) x[i] = values[i];
}

}  // namespace
}  // namespace pith
#endif
