// The layer of float_vectors_avx2.h, which says what each function does, for 64-bit Arm: four floats.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>

#include <cstdint>

#include "runtime/kernels/float_types.h"

namespace pith {
namespace {

using Floats = float32x4_t;
using Ints = int32x4_t;
inline constexpr int64_t kLanes = 4;
inline constexpr int kPanelRows = 8, kTileSums = 16, kRegisters = 32;

inline Floats Broadcast(float value) { return vdupq_n_f32(value); }
inline Ints BroadcastInt(int32_t value) { return vdupq_n_s32(value); }
inline Floats Load(const float* at) { return vld1q_f32(at); }
inline Floats Load(const Half* at) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const uint16_t*>(at)))); }
inline Floats Load(const Bf16* at) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(reinterpret_cast<const uint16_t*>(at)), 16)); }
inline void Store(float* at, Floats v) { vst1q_f32(at, v); }

inline Floats LoadFirst(const float* at, int64_t left, float filler = 0.0f) {
  if (left >= kLanes) return Load(at);
  float values[kLanes] = {filler, filler, filler, filler};
  for (int64_t i = 0; i < left; ++i) values[i] = at[i];
  return Load(values);
}
inline void StoreFirst(float* at, int64_t left, Floats v) {
  if (left >= kLanes) return Store(at, v);
  float values[kLanes];
  Store(values, v);
  for (int64_t i = 0; i < left; ++i) at[i] = values[i];
}

inline Floats MultiplyAdd(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats NegativeMultiplyAdd(Floats a, Floats b, Floats c) { return vfmsq_f32(c, a, b); }
inline Floats Max(Floats a, Floats b) { return vmaxq_f32(a, b); }
inline Floats Round(Floats v) { return vrndnq_f32(v); }
inline Floats IfLess(Floats a, Floats b, Floats then, Floats otherwise) { return vbslq_f32(vcltq_f32(a, b), then, otherwise); }
inline Floats TimesPowerOfTwo(Floats v, Floats n) {
  const int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
  const auto power = [](int32x4_t e) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(e, vdupq_n_s32(127)), 23)); };
  return v * power(half) * power(vsubq_s32(whole, half));
}

// Neighbours are added first, where the other sets add halves: one instruction does both steps.
inline float Sum(Floats v) { return vaddvq_f32(v); }
inline float Largest(Floats v) { return vmaxvq_f32(v); }
inline Floats SumsOf(const Floats* v) { return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])); }

inline void LoadPairs(const float* at, Floats* a, Floats* b) {
  const float32x4x2_t both = vld2q_f32(at);
  *a = both.val[0];
  *b = both.val[1];
}
inline void StorePairs(float* at, Floats a, Floats b) { vst2q_f32(at, float32x4x2_t{{a, b}}); }

inline Ints AbsoluteBits(Floats v) { return vreinterpretq_s32_f32(vabsq_f32(v)); }
inline Ints MaxUnsigned(Ints a, Ints b) { return vreinterpretq_s32_u32(vmaxq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b))); }
inline uint32_t LargestUnsigned(Ints v) { return vmaxvq_u32(vreinterpretq_u32_s32(v)); }
inline Ints ToInts(Floats v) { return vcvtnq_s32_f32(v); }
inline Floats ToFloats(Ints v) { return vcvtq_f32_s32(v); }
inline void StoreBytes(int8_t* at, const Ints* v) {
  for (int i = 0; i < 8; i += 4) {
    const int16x8_t low = vcombine_s16(vmovn_s32(v[i]), vmovn_s32(v[i + 1])), high = vcombine_s16(vmovn_s32(v[i + 2]), vmovn_s32(v[i + 3]));
    vst1q_s8(at + 4 * i, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  }
}
inline int32_t SumOfSixteen(const Ints* v) { return vaddvq_s32(vaddq_s32(vaddq_s32(v[0], v[1]), vaddq_s32(v[2], v[3]))); }

inline Floats RoundToBf16(Floats v) {
  const uint32x4_t bits = vreinterpretq_u32_f32(v), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  return vbslq_f32(vceqq_f32(v, v), vreinterpretq_f32_u32(vandq_u32(rounded, vdupq_n_u32(0xffff0000u))), v);
}

using Bytes = int8x16_t;
inline Bytes LoadBytes(const void* at) { return vld1q_s8(static_cast<const int8_t*>(at)); }
inline void WidenBytes(Bytes v, Floats* out) {
  const int16x8_t low = vmovl_s8(vget_low_s8(v)), high = vmovl_high_s8(v);
  const int32x4_t wide[4] = {vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)};
  for (int i = 0; i < 4; ++i) out[i] = vcvtq_f32_s32(wide[i]);
}
inline void ScaleNibbles(Bytes q, const int8_t* levels, Floats d, Floats add, Floats* out) {
  const int8x16_t table = vld1q_s8(levels);
  const uint8x16_t codes = vreinterpretq_u8_s8(q);
  const uint8x16_t low = vandq_u8(codes, vdupq_n_u8(15)), high = vshrq_n_u8(codes, 4);
  const bool plain = levels == kPlainLevels;  // known when this is compiled
  WidenBytes(plain ? vreinterpretq_s8_u8(low) : vqtbl1q_s8(table, low), out);
  WidenBytes(plain ? vreinterpretq_s8_u8(high) : vqtbl1q_s8(table, high), out + 4);
  for (int i = 0; i < 8; ++i) out[i] = MultiplyAdd(d, out[i], add);
}
inline Floats BroadcastHalf(const uint8_t* at) {
  uint16_t half;
  __builtin_memcpy(&half, at, 2);
  return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(half)));
}

}  // namespace
}  // namespace pith
#endif
