// The small layer of vectors that the int8 kernels are written over (int8_formats.h, int8_few_rows.h), for 64-bit Arm: 128 bits, with SDOT where the
// file is compiled for it. int8_vectors_avx2.h is its counterpart and says what each function does.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>

#include <cstdint>

namespace pith {
namespace {

inline constexpr int kLanes = 4;
using Ints = int32x4_t;
using Floats = float32x4_t;
struct Bytes {
  uint8x16_t low, high;  // codes 0 to 15, 16 to 31
};

inline Bytes LoadBytes(const void* at) {
  const auto* bytes = static_cast<const uint8_t*>(at);
  return {vld1q_u8(bytes), vld1q_u8(bytes + 16)};
}
inline Bytes LoadNibbles(const uint8_t* at) {
  const uint8x16_t bytes = vld1q_u8(at);
  return {vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8(bytes, 4)};
}
inline Bytes Bits(Bytes bytes, int from, int to, int mask) {
  const int8x16_t left = vdupq_n_s8(static_cast<int8_t>(to - from));
  const uint8x16_t wanted = vdupq_n_u8(static_cast<uint8_t>(mask << to));
  return {vandq_u8(vshlq_u8(bytes.low, left), wanted), vandq_u8(vshlq_u8(bytes.high, left), wanted)};
}
inline Bytes Or(Bytes a, Bytes b) { return {vorrq_u8(a.low, b.low), vorrq_u8(a.high, b.high)}; }
inline Bytes SpreadBits(uint32_t bits, int value) {
  static constexpr uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bit = vld1q_u8(kBit), set = vdupq_n_u8(static_cast<uint8_t>(value));
  const auto spread = [&](uint32_t sixteen) {
    const uint8x16_t bytes = vcombine_u8(vdup_n_u8(static_cast<uint8_t>(sixteen)), vdup_n_u8(static_cast<uint8_t>(sixteen >> 8)));
    return vandq_u8(vtstq_u8(bytes, bit), set);
  };
  return {spread(bits), spread(bits >> 16)};
}
inline Bytes Lookup(const int8_t* table, Bytes indices) {
  const uint8x16_t levels = vreinterpretq_u8_s8(vld1q_s8(table));
  return {vqtbl1q_u8(levels, indices.low), vqtbl1q_u8(levels, indices.high)};
}

inline Ints Broadcast(int32_t value) { return vdupq_n_s32(value); }
inline Floats Broadcast(float value) { return vdupq_n_f32(value); }
inline Floats ZeroFloats() { return vdupq_n_f32(0.0f); }
template <int kShift>
inline Ints ShiftLeft(Ints v) { return vshlq_n_s32(v, kShift); }
template <int kShift>
inline Ints ShiftRight(Ints v) {
  if constexpr (kShift == 0) return v;
  else return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v), kShift));
}
template <int kShift>
inline Ints ShiftRightSigned(Ints v) { return vshrq_n_s32(v, kShift); }
inline Ints And(Ints a, Ints b) { return vandq_s32(a, b); }
inline Ints Or(Ints a, Ints b) { return vorrq_s32(a, b); }
inline Ints Add(Ints a, Ints b) { return vaddq_s32(a, b); }
inline Ints Subtract(Ints a, Ints b) { return vsubq_s32(a, b); }
inline Floats ToFloats(Ints v) { return vcvtq_f32_s32(v); }
inline Floats Multiply(Floats a, Floats b) { return vmulq_f32(a, b); }
inline Floats MultiplyAdd(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats AddFloats(Floats a, Floats b) { return vaddq_f32(a, b); }
inline Floats Negate(Floats v) { return vnegq_f32(v); }
inline void Store(float* to, Floats v) { vst1q_f32(to, v); }
inline Floats Load(const float* from) { return vld1q_f32(from); }

inline Floats LowHalves(Ints dwords) { return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(vreinterpretq_u32_s32(dwords)))); }
inline Floats HighHalves(Ints dwords) { return LowHalves(ShiftRight<16>(dwords)); }

// One row a lane.
struct RowLanes {
  using Ints = int32x4_t;
  using Floats = float32x4_t;
  static inline Ints Broadcast(int32_t value) { return pith::Broadcast(value); }
  static inline Floats GatherHalves(const uint8_t* first, int64_t stride) {
    uint16_t half[kLanes];
    for (int r = 0; r < kLanes; ++r) __builtin_memcpy(&half[r], first + r * stride, 2);
    uint16x4_t halves = vdup_n_u16(half[0]);
    halves = vset_lane_u16(half[1], halves, 1);
    halves = vset_lane_u16(half[2], halves, 2);
    halves = vset_lane_u16(half[3], halves, 3);
    return vcvt_f32_f16(vreinterpret_f16_u16(halves));
  }
  static inline Ints GatherDwords(const uint8_t* first, int64_t stride) {
    int32_t value[kLanes];
    for (int r = 0; r < kLanes; ++r) __builtin_memcpy(&value[r], first + r * stride, 4);
    Ints dwords = vdupq_n_s32(value[0]);
    dwords = vsetq_lane_s32(value[1], dwords, 1);
    dwords = vsetq_lane_s32(value[2], dwords, 2);
    return vsetq_lane_s32(value[3], dwords, 3);
  }
  static inline void GatherFourDwords(const uint8_t* first, int64_t stride, Ints* dwords) {
    int32x4_t row[kLanes];
    for (int r = 0; r < kLanes; ++r) row[r] = vreinterpretq_s32_u8(vld1q_u8(first + r * stride));
    const int32x4_t even01 = vtrn1q_s32(row[0], row[1]), odd01 = vtrn2q_s32(row[0], row[1]);
    const int32x4_t even23 = vtrn1q_s32(row[2], row[3]), odd23 = vtrn2q_s32(row[2], row[3]);
    const auto low = [](int32x4_t a, int32x4_t b) { return vreinterpretq_s32_s64(vtrn1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))); };
    const auto high = [](int32x4_t a, int32x4_t b) { return vreinterpretq_s32_s64(vtrn2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))); };
    dwords[0] = low(even01, even23);
    dwords[1] = low(odd01, odd23);
    dwords[2] = high(even01, even23);
    dwords[3] = high(odd01, odd23);
  }
};

// Codes are multiplied as the signed bytes that they stand for.
template <class F>
inline Bytes Multiplied(Bytes codes) {
  if constexpr (F::kBiasShift == 0) {
    return codes;
  } else {
    const uint8x16_t bias = vdupq_n_u8(1 << F::kBiasShift);
    return {vsubq_u8(codes.low, bias), vsubq_u8(codes.high, bias)};
  }
}
template <class F>
inline constexpr int kBiasShift = 0;
template <class F>
inline constexpr int kMostStored = F::kMost;

// Sixteen products, or all 32, four lanes of sums. Without SDOT they are summed in 16 bits first, two for any codes (2 · 128 · 127 < 2^15; values are
// never −128), four for small ones.
inline __attribute__((always_inline)) int32x4_t SixteenProducts(uint8x16_t codes, uint8x16_t values) {
  const int8x16_t w = vreinterpretq_s8_u8(codes), x = vreinterpretq_s8_u8(values);
#if defined(__ARM_FEATURE_DOTPROD)
  return vdotq_s32(vdupq_n_s32(0), w, x);
#else
  return vpaddlq_s16(vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(x)), w, x));
#endif
}
template <bool kSmall>
inline __attribute__((always_inline)) int32x4_t AllProducts(Bytes codes, Bytes values) {
  const int8x16_t w[2] = {vreinterpretq_s8_u8(codes.low), vreinterpretq_s8_u8(codes.high)};
  const int8x16_t x[2] = {vreinterpretq_s8_u8(values.low), vreinterpretq_s8_u8(values.high)};
#if defined(__ARM_FEATURE_DOTPROD)
  return vdotq_s32(vdotq_s32(vdupq_n_s32(0), w[0], x[0]), w[1], x[1]);
#else
  int16x8_t first = vmlal_high_s8(vmull_s8(vget_low_s8(w[0]), vget_low_s8(x[0])), w[0], x[0]);
  if (kSmall) return vpaddlq_s16(vmlal_high_s8(vmlal_s8(first, vget_low_s8(w[1]), vget_low_s8(x[1])), w[1], x[1]));
  const int16x8_t second = vmlal_high_s8(vmull_s8(vget_low_s8(w[1]), vget_low_s8(x[1])), w[1], x[1]);
  return vpadalq_s16(vpaddlq_s16(first), second);
#endif
}

inline int32x4_t AddLanes(const int32x4_t* rows) { return vpaddq_s32(vpaddq_s32(rows[0], rows[1]), vpaddq_s32(rows[2], rows[3])); }

// Lane r: the sum of rows[r]'s products with the values.
template <class F>
inline __attribute__((always_inline)) Ints DotRows(const Bytes* rows, Bytes values) {
  int32x4_t dot[kLanes];
  for (int r = 0; r < kLanes; ++r) dot[r] = AllProducts<4 * F::kMost * 127 < 1 << 15>(rows[r], values);
  return AddLanes(dot);
}
template <class F>
inline __attribute__((always_inline)) void DotRowsByHalves(const Bytes* rows, Bytes values, Ints* low, Ints* high) {
  int32x4_t dot[2][kLanes];
  for (int r = 0; r < kLanes; ++r) {
    dot[0][r] = SixteenProducts(rows[r].low, values.low);
    dot[1][r] = SixteenProducts(rows[r].high, values.high);
  }
  *low = AddLanes(dot[0]);
  *high = AddLanes(dot[1]);
}

inline constexpr int kFewAtOnce = 8;

inline __attribute__((always_inline)) void PrefetchNear(const uint8_t* at) { __builtin_prefetch(at, 0, 3); }
inline __attribute__((always_inline)) void PrefetchFar(const uint8_t* at) { __builtin_prefetch(at, 0, 2); }

}  // namespace
}  // namespace pith
#endif
