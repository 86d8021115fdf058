// What the int8 kernels know of each type of weights, over the vectors of the instruction set that a file is compiled for.
//
// A group is 32 consecutive weights of a row, and meets a group of the prepared rows of x (linear_kernels.h):
//
//   kHalves:  w = d · s · code,  s for codes 0 to 15 and another for 16 to 31, both small integers
//   else:     w = d · code + min (kMin)
//
// with code = stored − 2^kBiasShift, or stored where that is 0. Biases are multiples of 8 (RowGroup). d and min are floats, rounded as base/super_blocks.h says: what a scalar loop multiplies.
// kMost bounds the stored codes; kSigned: they are signed bytes and no bias is theirs.
#pragma once

#include "base/super_blocks.h"
#if defined(__aarch64__)
#include "runtime/kernels/int8_vectors_neon.h"
#else
#include "runtime/kernels/int8_vectors_avx2.h"
#endif
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

// d, min and s of one group of kLanes rows.
struct GroupScales {
  Floats d, min, s[2];
};

// Codes(block, g): of one row's block. Scales(block, stride, out): of all groups of kLanes rows' blocks, the first of which is at `block`.
template <class Block>
struct OneGroup {
  static constexpr int kBytes = sizeof(Block), kGroups = 1;
  static constexpr bool kMin = false, kSigned = false, kHalves = false, kNibbles = false;
  static constexpr int kPlanes = 0;
};
template <class Block>
struct EightGroups : OneGroup<Block> {
  static constexpr int kGroups = 8;
};

// 16 bytes from block + kFirst + 16·g on hold group g: its low nibbles, then the high ones. Map() makes codes of nibbles.
template <class Base, int kFirst>
struct NibbleGroups : Base {
  static constexpr bool kNibbles = true;
  static constexpr int kMost = 15;
  static inline int At(int g) { return kFirst + 16 * g; }
  static inline Bytes Map(Bytes nibbles) { return nibbles; }
  static inline Bytes Codes(const uint8_t* block, int g) { return LoadNibbles(block + At(g)); }
};
template <class Base, int kFirst>
struct LevelGroups : NibbleGroups<Base, kFirst> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 128;
  static inline Bytes Map(Bytes nibbles) { return Lookup(kIQ4Levels, nibbles); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Map(LoadNibbles(block + LevelGroups::At(g))); }
};

template <TensorType kType>
struct Int8Format;

template <>
struct Int8Format<TensorType::kQ8_0> : OneGroup<BlockQ8_0> {
  static constexpr int kBiasShift = 0, kMost = 128;
  static constexpr bool kSigned = true;
  static inline Bytes Codes(const uint8_t* block, int) { return LoadBytes(block + 2); }
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { out->d = GatherHalves(block, stride); }
};

template <>
struct Int8Format<TensorType::kQ4_0> : NibbleGroups<OneGroup<BlockQ4_0>, 2> {
  static constexpr int kBiasShift = 3;
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { out->d = GatherHalves(block, stride); }
};

template <>
struct Int8Format<TensorType::kIQ4_NL> : LevelGroups<OneGroup<BlockIQ4_NL>, 2> {
  static constexpr int kBiasShift = 0;
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { out->d = GatherHalves(block, stride); }
};

inline void ScaleAndMin(const uint8_t* block, int64_t stride, GroupScales* out) {
  const Ints both = GatherDwords(block, stride);
  out->d = LowHalves(both);
  out->min = HighHalves(both);
}

template <>
struct Int8Format<TensorType::kQ4_1> : NibbleGroups<OneGroup<BlockQ4_1>, 4> {
  static constexpr int kBiasShift = 0;
  static constexpr bool kMin = true;
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { ScaleAndMin(block, stride, out); }
};

// The fifth bits stand before the nibbles.
inline Bytes FiveBits(const uint8_t* high) {
  uint32_t bits;
  __builtin_memcpy(&bits, high, 4);
  return Join<4>(LoadNibbles(high + 4), SpreadBits(bits));
}

template <>
struct Int8Format<TensorType::kQ5_0> : OneGroup<BlockQ5_0> {
  static constexpr int kBiasShift = 4, kMost = 31;
  static inline Bytes Codes(const uint8_t* block, int) { return FiveBits(block + 2); }
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { out->d = GatherHalves(block, stride); }
};

template <>
struct Int8Format<TensorType::kQ5_1> : OneGroup<BlockQ5_1> {
  static constexpr int kBiasShift = 0, kMost = 31;
  static constexpr bool kMin = true;
  static inline Bytes Codes(const uint8_t* block, int) { return FiveBits(block + 4); }
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { ScaleAndMin(block, stride, out); }
};

// Group 4·kHigh + kByte of the twelve bytes of six-bit scales and offsets.
template <int kByte>
inline void SixBits(const Ints* dwords, Floats d, Floats minus_dmin, GroupScales* out) {
  const Ints six = Broadcast(63), four = Broadcast(15), two = Broadcast(0x30);
  GroupScales &first = out[kByte], &second = out[4 + kByte];
  first.d = Multiply(d, ToFloats(And(ShiftRight<8 * kByte>(dwords[1]), six)));
  first.min = Multiply(minus_dmin, ToFloats(And(ShiftRight<8 * kByte>(dwords[2]), six)));
  const Ints low = ShiftRight<8 * kByte>(dwords[3]);
  const Ints s = Or(And(low, four), And(ShiftRight<8 * kByte + 2>(dwords[1]), two));
  const Ints o = Or(And(ShiftRight<4>(low), four), And(ShiftRight<8 * kByte + 2>(dwords[2]), two));
  second.d = Multiply(d, ToFloats(s));
  second.min = Multiply(minus_dmin, ToFloats(o));
}

inline void SixBitScalesOf(const uint8_t* block, int64_t stride, GroupScales* out) {
  Ints dwords[4];
  GatherFourDwords(block, stride, dwords);  // d and dmin, scales
  const Floats d = LowHalves(dwords[0]), minus_dmin = Negate(HighHalves(dwords[0]));
  SixBits<0>(dwords, d, minus_dmin, out);
  SixBits<1>(dwords, d, minus_dmin, out);
  SixBits<2>(dwords, d, minus_dmin, out);
  SixBits<3>(dwords, d, minus_dmin, out);
}

// Formats whose codes are bits of kPlanes rows of 32 bytes, at block + PlaneAt(p): those of group g of planes Low(g) and High(g).
template <>
struct Int8Format<TensorType::kQ4_K> : EightGroups<BlockQ4_K> {
  static constexpr int kBiasShift = 0, kMost = 15, kPlanes = 4;
  static constexpr bool kMin = true;
  static inline int PlaneAt(int p) { return 16 + 32 * p; }
  static inline int Low(int g) { return g / 2; }
  static inline int High(int g) { return Low(g); }
  static inline Bytes Compose(Bytes low, Bytes, int g) { return Bits(low, g % 2 * 4, 15); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Compose(LoadBytes(block + PlaneAt(Low(g))), Bytes{}, g); }
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { SixBitScalesOf(block, stride, out); }
};

template <>
struct Int8Format<TensorType::kQ5_K> : EightGroups<BlockQ5_K> {
  static constexpr int kBiasShift = 0, kMost = 31, kPlanes = 5;
  static constexpr bool kMin = true;
  static inline int PlaneAt(int p) { return 16 + 32 * p; }
  static inline int Low(int g) { return 1 + g / 2; }
  static inline int High(int) { return 0; }
  static inline Bytes Compose(Bytes low, Bytes high, int g) { return Join<4>(Bits(low, g % 2 * 4, 15), Bits(high, g, 1)); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Compose(LoadBytes(block + PlaneAt(Low(g))), LoadBytes(block + PlaneAt(0)), g); }
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) { SixBitScalesOf(block, stride, out); }
};

template <>
struct Int8Format<TensorType::kQ6_K> : EightGroups<BlockQ6_K> {
  static constexpr int kBiasShift = 5, kMost = 63, kPlanes = 6;
  static constexpr bool kHalves = true;
  static inline int PlaneAt(int p) { return 32 * p; }
  static inline int Low(int g) { return g / 4 * 2 + g % 2; }
  static inline int High(int g) { return 4 + g / 4; }
  static inline Bytes Compose(Bytes low, Bytes high, int g) { return Join<4>(Bits(low, g % 4 / 2 * 4, 15), Bits(high, g % 4 * 2, 3)); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Compose(LoadBytes(block + PlaneAt(Low(g))), LoadBytes(block + PlaneAt(High(g))), g); }
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) {
    Ints dwords[4];
    GatherFourDwords(block + 192, stride, dwords);  // 16 signed bytes
    const Floats d = GatherHalves(block + 208, stride);
    for (int i = 0; i < 4; ++i) {
      out[2 * i] = {d, d, {ToFloats(ShiftRightSigned<24>(ShiftLeft<24>(dwords[i]))), ToFloats(ShiftRightSigned<24>(ShiftLeft<16>(dwords[i])))}};
      out[2 * i + 1] = {d, d, {ToFloats(ShiftRightSigned<24>(ShiftLeft<8>(dwords[i]))), ToFloats(ShiftRightSigned<24>(dwords[i]))}};
    }
  }
};

template <>
struct Int8Format<TensorType::kIQ4_XS> : LevelGroups<EightGroups<BlockIQ4_XS>, 8> {
  static constexpr int kBiasShift = 0;
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales* out) {
    const Ints head = GatherDwords(block, stride), low = GatherDwords(block + 4, stride);
    const Floats d = LowHalves(head);
    Part<0>(head, low, d, out);
  }

 private:
  template <int kPart>
  static inline void Part(Ints head, Ints low, Floats d, GroupScales* out) {
    const Ints s = Or(And(ShiftRight<4 * kPart>(low), Broadcast(15)), ShiftLeft<4>(And(ShiftRight<16 + 2 * kPart>(head), Broadcast(3))));
    out[kPart].d = Multiply(d, ToFloats(Subtract(s, Broadcast(32))));
    if constexpr (kPart < 7) Part<kPart + 1>(head, low, d, out);
  }
};

}  // namespace
}  // namespace pith
