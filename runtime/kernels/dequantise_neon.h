// Thirty-two consecutive weights of a row as floats in eight registers, for 64-bit Arm.
// Bitwise the reference Dequantise(): every d·q is exact, so one rounding is left at most.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>

#include <cstdint>

#include "base/tensor_type.h"

namespace pith {
namespace {

inline float32x4_t FourHalves(uint16x4_t halves) { return vcvt_f32_f16(vreinterpret_f16_u16(halves)); }

inline float32x4_t BroadcastF16(const uint8_t* at) {
  uint16_t half;
  __builtin_memcpy(&half, at, 2);
  return FourHalves(vdup_n_u16(half));
}

inline uint16x8_t Load8Halves(const uint8_t* at) { return vreinterpretq_u16_u8(vld1q_u8(at)); }

// out = d · code + add, for sixteen codes.
inline void Scale(int8x16_t codes, float32x4_t d, float32x4_t add, float32x4_t* out) {
  const int16x8_t low = vmovl_s8(vget_low_s8(codes)), high = vmovl_high_s8(codes);
  const int32x4_t wide[4] = {vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)),
                             vmovl_high_s16(high)};
  for (int i = 0; i < 4; ++i) out[i] = vfmaq_f32(add, d, vcvtq_f32_s32(wide[i]));
}

inline int8x16_t LowNibbles(uint8x16_t q) { return vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15))); }
inline int8x16_t HighNibbles(uint8x16_t q) { return vreinterpretq_s8_u8(vshrq_n_u8(q, 4)); }

template <TensorType kType>
struct Block32;

template <>
struct Block32<TensorType::kQ4_1> {
  static constexpr int kBytes = sizeof(BlockQ4_1);
  static void Floats(const uint8_t* at, float32x4_t* out) {
    const uint8x16_t q = vld1q_u8(at + 4);
    const float32x4_t d = BroadcastF16(at), min = BroadcastF16(at + 2);
    Scale(LowNibbles(q), d, min, out);
    Scale(HighNibbles(q), d, min, out + 4);
  }
};

template <>
struct Block32<TensorType::kQ4_0> {
  static constexpr int kBytes = sizeof(BlockQ4_0);
  static void Floats(const uint8_t* at, float32x4_t* out) {
    const uint8x16_t q = vld1q_u8(at + 2);
    const int8x16_t eight = vdupq_n_s8(8);
    const float32x4_t d = BroadcastF16(at), zero = vdupq_n_f32(0.0f);
    Scale(vsubq_s8(LowNibbles(q), eight), d, zero, out);
    Scale(vsubq_s8(HighNibbles(q), eight), d, zero, out + 4);
  }
};

template <>
struct Block32<TensorType::kIQ4_NL> {
  static constexpr int kBytes = sizeof(BlockIQ4_NL);
  static void Floats(const uint8_t* at, float32x4_t* out) {
    const uint8x16_t q = vld1q_u8(at + 2);
    const int8x16_t levels = vld1q_s8(kIQ4Levels);
    const float32x4_t d = BroadcastF16(at), zero = vdupq_n_f32(0.0f);
    Scale(vqtbl1q_s8(levels, vandq_u8(q, vdupq_n_u8(15))), d, zero, out);
    Scale(vqtbl1q_s8(levels, vshrq_n_u8(q, 4)), d, zero, out + 4);
  }
};

template <>
struct Block32<TensorType::kQ8_0> {
  static constexpr int kBytes = sizeof(BlockQ8_0);
  static void Floats(const uint8_t* at, float32x4_t* out) {
    const float32x4_t d = BroadcastF16(at), zero = vdupq_n_f32(0.0f);
    Scale(vreinterpretq_s8_u8(vld1q_u8(at + 2)), d, zero, out);
    Scale(vreinterpretq_s8_u8(vld1q_u8(at + 18)), d, zero, out + 4);
  }
};

template <>
struct Block32<TensorType::kF16> {
  static constexpr int kBytes = 64;
  static void Floats(const uint8_t* at, float32x4_t* out) {
    for (int i = 0; i < 4; ++i) {
      const uint16x8_t halves = Load8Halves(at + 16 * i);
      out[2 * i] = FourHalves(vget_low_u16(halves));
      out[2 * i + 1] = FourHalves(vget_high_u16(halves));
    }
  }
};

template <>
struct Block32<TensorType::kBF16> {
  static constexpr int kBytes = 64;
  static void Floats(const uint8_t* at, float32x4_t* out) {
    for (int i = 0; i < 4; ++i) {
      const uint16x8_t halves = Load8Halves(at + 16 * i);
      out[2 * i] = vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(halves), 16));
      out[2 * i + 1] = vreinterpretq_f32_u32(vshll_high_n_u16(halves, 16));
    }
  }
};

template <>
struct Block32<TensorType::kF32> {
  static constexpr int kBytes = 128;
  static void Floats(const uint8_t* at, float32x4_t* out) {
    for (int i = 0; i < 8; ++i) out[i] = vreinterpretq_f32_u8(vld1q_u8(at + 16 * i));
  }
};

// To the nearest bf16, halves to even; NaN stays NaN.
inline float32x4_t RoundToBf16(float32x4_t v) {
  const uint32x4_t bits = vreinterpretq_u32_f32(v);
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  return vbslq_f32(vceqq_f32(v, v), vreinterpretq_f32_u32(vandq_u32(rounded, vdupq_n_u32(0xffff0000u))), v);
}

}  // namespace
}  // namespace pith
#endif
