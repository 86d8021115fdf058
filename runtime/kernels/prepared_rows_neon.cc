#if defined(__aarch64__)
#include <arm_neon.h>

#include "runtime/kernels/dequantise_neon.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {

void RoundRowToBf16Neon(const float* x, int64_t padded, float* out) {
  for (int64_t i = 0; i < padded; i += 4) vst1q_f32(out + i, RoundToBf16(vld1q_f32(x + i)));
}

void QuantiseRowNeon(const float* x, int64_t padded, int8_t* q, RowGroup* groups) {
  for (int64_t b = 0; b < padded / kBlockSize; ++b) {
    float32x4_t v[8];
    uint32x4_t bits = vdupq_n_u32(0);  // |x| as integers: ordered as the floats are, with NaN above all
    for (int i = 0; i < 8; ++i) {
      v[i] = vld1q_f32(x + b * kBlockSize + 4 * i);
      bits = vmaxq_u32(bits, vreinterpretq_u32_f32(vabsq_f32(v[i])));
    }
    const uint32_t max_bits = vmaxvq_u32(bits);
    if (OutOfRange(max_bits, q + b * kBlockSize, groups + b)) continue;
    const float max_abs = __builtin_bit_cast(float, max_bits);
    const float32x4_t inverse = vdupq_n_f32(127.0f / max_abs);
    int32x4_t code[8];
    for (int i = 0; i < 8; ++i) code[i] = vcvtnq_s32_f32(vmulq_f32(v[i], inverse));  // rounds to nearest even
    for (int i = 0; i < 2; ++i) {
      const int16x8_t low = vcombine_s16(vmovn_s32(code[4 * i]), vmovn_s32(code[4 * i + 1]));
      const int16x8_t high = vcombine_s16(vmovn_s32(code[4 * i + 2]), vmovn_s32(code[4 * i + 3]));
      vst1q_s8(q + b * kBlockSize + 16 * i, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
    }
    const auto four = [&](int i) { return vaddq_s32(vaddq_s32(code[i], code[i + 1]), vaddq_s32(code[i + 2], code[i + 3])); };
    groups[b] = GroupOfSums(max_abs / 127.0f, vaddvq_s32(four(0)), vaddvq_s32(four(4)));
  }
}

}  // namespace pith
#endif
