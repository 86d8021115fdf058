// ops.h with NEON. A tail fills its missing lanes with values that add nothing.
#if defined(__aarch64__)
#include "runtime/kernels/exp_neon.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {

void RmsNormNeon(const float* x, const float* w, float* y, int64_t d, float eps) {
  float32x4_t sums[4] = {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f), vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
  int64_t i = 0;
  for (; i + 16 <= d; i += 16) {
    for (int j = 0; j < 4; ++j) {
      const float32x4_t v = vld1q_f32(x + i + 4 * j);
      sums[j] = vfmaq_f32(sums[j], v, v);
    }
  }
  for (; i < d; i += 4) {
    const float32x4_t v = LoadFirst(x + i, d - i, 0.0f);
    sums[0] = vfmaq_f32(sums[0], v, v);
  }
  const float sum = vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
  const float factor = 1.0f / __builtin_sqrtf(sum / static_cast<float>(d) + eps);
  for (i = 0; i < d; i += 4) {
    const float32x4_t scaled = vmulq_n_f32(LoadFirst(x + i, d - i, 0.0f), factor);
    StoreFirst(y + i, d - i, vmulq_f32(scaled, LoadFirst(w + i, d - i, 0.0f)));
  }
}

void RopeNeon(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout) {
  const int64_t half = head_dim / 2;
  const bool halves = layout == RopeLayout::kHalves;
  int64_t i = 0;
  for (; i + 4 <= half; i += 4) {  // unfused, as the reference
    const float32x4_t c = vld1q_f32(cos + i), s = vld1q_f32(sin + i);
    float32x4x2_t v = halves ? float32x4x2_t{{vld1q_f32(x + i), vld1q_f32(x + half + i)}} : vld2q_f32(x + 2 * i);
    const float32x4_t a = v.val[0], b = v.val[1];
    v.val[0] = vsubq_f32(vmulq_f32(a, c), vmulq_f32(b, s));
    v.val[1] = vaddq_f32(vmulq_f32(a, s), vmulq_f32(b, c));
    if (halves) {
      vst1q_f32(x + i, v.val[0]);
      vst1q_f32(x + half + i, v.val[1]);
    } else {
      vst2q_f32(x + 2 * i, v);
    }
  }
  for (; i < half; ++i) {
    float& a = x[halves ? i : 2 * i];
    float& b = x[halves ? i + half : 2 * i + 1];
    const float rotated = a * cos[i] - b * sin[i];
    b = a * sin[i] + b * cos[i];
    a = rotated;
  }
}

void SwiGluNeon(const float* gate, const float* up, float* y, int64_t n) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  for (int64_t i = 0; i < n; i += 4) {
    const float32x4_t g = LoadFirst(gate + i, n - i, 0.0f);
    const float32x4_t silu = vdivq_f32(g, vaddq_f32(one, Exp(vnegq_f32(g))));
    StoreFirst(y + i, n - i, vmulq_f32(silu, LoadFirst(up + i, n - i, 0.0f)));
  }
}

void GeGluNeon(const float* gate, const float* up, float* y, int64_t n) {
  const float32x4_t one = vdupq_n_f32(1.0f), linear = vdupq_n_f32(kGeluLinear), cubic = vdupq_n_f32(kGeluCubic);
  for (int64_t i = 0; i < n; i += 4) {
    const float32x4_t g = LoadFirst(gate + i, n - i, 0.0f);
    const float32x4_t t = vmulq_f32(g, vfmaq_f32(linear, cubic, vmulq_f32(g, g)));
    const float32x4_t gelu = vdivq_f32(g, vaddq_f32(one, Exp(vnegq_f32(t))));
    StoreFirst(y + i, n - i, vmulq_f32(gelu, LoadFirst(up + i, n - i, 0.0f)));
  }
}

void ReluSquaredNeon(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) {
    const float32x4_t positive = vmaxq_f32(LoadFirst(x + i, n - i, 0.0f), vdupq_n_f32(0.0f));  // NaN where one of two values is NaN
    StoreFirst(y + i, n - i, vmulq_f32(positive, positive));
  }
}

float LogSumExpNeon(const float* x, int64_t n) {
  const float lowest = -__builtin_inff();
  float32x4_t tops = vdupq_n_f32(lowest);
  for (int64_t i = 0; i < n; i += 4) tops = vmaxq_f32(tops, LoadFirst(x + i, n - i, lowest));
  const float top = vmaxvq_f32(tops);
  if (__builtin_isinf(top)) return top;
  // Partial sums of 256 terms in float, then double.
  double total = 0.0;
  for (int64_t i = 0; i < n;) {
    const int64_t stop = n - i < 256 ? n : i + 256;
    float32x4_t sum = vdupq_n_f32(0.0f);
    for (; i < stop; i += 4) sum = vaddq_f32(sum, Exp(vsubq_f32(LoadFirst(x + i, stop - i, lowest), vdupq_n_f32(top))));
    total += static_cast<double>(vaddvq_f32(sum));
  }
  return top + static_cast<float>(__builtin_log(total));
}

}  // namespace pith
#endif
