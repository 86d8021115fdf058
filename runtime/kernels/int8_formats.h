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
#include "runtime/kernels/int8_lanes_avx2.h"
#endif
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

// d, min and s of one group of the rows that are lanes of V.
template <class V>
struct GroupScales {
  typename V::Floats d, min, s[2];
};

// Codes(block, g): of one row's block. Scales(block, stride, out): of all groups of the blocks of V's rows, the first of which is at `block`.
//
// Where kPlanes > 0, codes are bits of kPlanes rows of 32 bytes, at block + PlaneAt(p): those of group g of planes Low(g) and High(g), which Compose()
// takes from vectors of bytes in any order, or where kNibbles, Map() from nibbles.
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
  template <class B>
  static inline B Map(B nibbles) { return nibbles; }
  static inline Bytes Codes(const uint8_t* block, int g) { return LoadNibbles(block + At(g)); }
};
template <class Base, int kFirst>
struct LevelGroups : NibbleGroups<Base, kFirst> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 128;
  template <class B>
  static inline B Map(B nibbles) { return Lookup(kIQ4Levels, nibbles); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Map(LoadNibbles(block + LevelGroups::At(g))); }
};

template <TensorType kType>
struct Int8Format;

template <>
struct Int8Format<TensorType::kQ8_0> : OneGroup<BlockQ8_0> {
  static constexpr int kBiasShift = 0, kMost = 128, kPlanes = 1;
  static constexpr bool kSigned = true;
  static constexpr int PlaneAt(int) { return 2; }
  static constexpr int Low(int) { return 0; }
  static constexpr int High(int) { return 0; }
  template <class B>
  static inline B Compose(B codes, B, int) { return codes; }
  static inline Bytes Codes(const uint8_t* block, int) { return LoadBytes(block + 2); }
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { out->d = V::GatherHalves(block, stride); }
};

template <>
struct Int8Format<TensorType::kQ4_0> : NibbleGroups<OneGroup<BlockQ4_0>, 2> {
  static constexpr int kBiasShift = 3;
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { out->d = V::GatherHalves(block, stride); }
};

template <>
struct Int8Format<TensorType::kIQ4_NL> : LevelGroups<OneGroup<BlockIQ4_NL>, 2> {
  static constexpr int kBiasShift = 0;
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { out->d = V::GatherHalves(block, stride); }
};

template <class V>
inline void ScaleAndMin(const uint8_t* block, int64_t stride, GroupScales<V>* out) {
  const typename V::Ints both = V::GatherDwords(block, stride);
  out->d = LowHalves(both);
  out->min = HighHalves(both);
}

template <>
struct Int8Format<TensorType::kQ4_1> : NibbleGroups<OneGroup<BlockQ4_1>, 4> {
  static constexpr int kBiasShift = 0;
  static constexpr bool kMin = true;
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { ScaleAndMin(block, stride, out); }
};

// The fifth bits stand before the nibbles.
inline Bytes FiveBits(const uint8_t* high) {
  uint32_t bits;
  __builtin_memcpy(&bits, high, 4);
  return Or(LoadNibbles(high + 4), SpreadBits(bits, 16));
}

template <>
struct Int8Format<TensorType::kQ5_0> : OneGroup<BlockQ5_0> {
  static constexpr int kBiasShift = 4, kMost = 31;
  static inline Bytes Codes(const uint8_t* block, int) { return FiveBits(block + 2); }
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { out->d = V::GatherHalves(block, stride); }
};

template <>
struct Int8Format<TensorType::kQ5_1> : OneGroup<BlockQ5_1> {
  static constexpr int kBiasShift = 0, kMost = 31;
  static constexpr bool kMin = true;
  static inline Bytes Codes(const uint8_t* block, int) { return FiveBits(block + 4); }
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { ScaleAndMin(block, stride, out); }
};

// Groups kByte and 4 + kByte of the twelve bytes of six-bit scales and offsets.
template <int kByte, class V>
inline void SixBits(const typename V::Ints* dwords, typename V::Floats d, typename V::Floats minus_dmin, GroupScales<V>* out) {
  const auto six = V::Broadcast(63), four = V::Broadcast(15), two = V::Broadcast(0x30);
  GroupScales<V> &first = out[kByte], &second = out[4 + kByte];
  first.d = Multiply(d, ToFloats(And(ShiftRight<8 * kByte>(dwords[1]), six)));
  first.min = Multiply(minus_dmin, ToFloats(And(ShiftRight<8 * kByte>(dwords[2]), six)));
  const auto low = ShiftRight<8 * kByte>(dwords[3]);
  const auto s = Or(And(low, four), And(ShiftRight<8 * kByte + 2>(dwords[1]), two));
  const auto o = Or(And(ShiftRight<4>(low), four), And(ShiftRight<8 * kByte + 2>(dwords[2]), two));
  second.d = Multiply(d, ToFloats(s));
  second.min = Multiply(minus_dmin, ToFloats(o));
}

template <class V>
inline void SixBitScalesOf(const uint8_t* block, int64_t stride, GroupScales<V>* out) {
  typename V::Ints dwords[4];
  V::GatherFourDwords(block, stride, dwords);  // d and dmin, scales
  const auto d = LowHalves(dwords[0]), minus_dmin = Negate(HighHalves(dwords[0]));
  SixBits<0, V>(dwords, d, minus_dmin, out);
  SixBits<1, V>(dwords, d, minus_dmin, out);
  SixBits<2, V>(dwords, d, minus_dmin, out);
  SixBits<3, V>(dwords, d, minus_dmin, out);
}

template <>
struct Int8Format<TensorType::kQ4_K> : EightGroups<BlockQ4_K> {
  static constexpr int kBiasShift = 0, kMost = 15, kPlanes = 4;
  static constexpr bool kMin = true;
  static constexpr int PlaneAt(int p) { return 16 + 32 * p; }
  static constexpr int Low(int g) { return g / 2; }
  static constexpr int High(int g) { return Low(g); }
  template <class B>
  static inline B Compose(B low, B, int g) { return Bits(low, g % 2 * 4, 0, 15); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Compose(LoadBytes(block + PlaneAt(Low(g))), Bytes{}, g); }
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { SixBitScalesOf(block, stride, out); }
};

template <>
struct Int8Format<TensorType::kQ5_K> : EightGroups<BlockQ5_K> {
  static constexpr int kBiasShift = 0, kMost = 31, kPlanes = 5;
  static constexpr bool kMin = true;
  static constexpr int PlaneAt(int p) { return 16 + 32 * p; }
  static constexpr int Low(int g) { return 1 + g / 2; }
  static constexpr int High(int) { return 0; }
  template <class B>
  static inline B Compose(B low, B high, int g) { return Or(Bits(low, g % 2 * 4, 0, 15), Bits(high, g, 4, 1)); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Compose(LoadBytes(block + PlaneAt(Low(g))), LoadBytes(block + PlaneAt(0)), g); }
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) { SixBitScalesOf(block, stride, out); }
};

template <>
struct Int8Format<TensorType::kQ6_K> : EightGroups<BlockQ6_K> {
  static constexpr int kBiasShift = 5, kMost = 63, kPlanes = 6;
  static constexpr bool kHalves = true;
  static constexpr int PlaneAt(int p) { return 32 * p; }
  static constexpr int Low(int g) { return g / 4 * 2 + g % 2; }
  static constexpr int High(int g) { return 4 + g / 4; }
  template <class B>
  static inline B Compose(B low, B high, int g) { return Or(Bits(low, g % 4 / 2 * 4, 0, 15), Bits(high, g % 4 * 2, 4, 3)); }
  static inline Bytes Codes(const uint8_t* block, int g) { return Compose(LoadBytes(block + PlaneAt(Low(g))), LoadBytes(block + PlaneAt(High(g))), g); }
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) {
    typename V::Ints dwords[4];
    V::GatherFourDwords(block + 192, stride, dwords);  // 16 signed bytes
    const auto d = V::GatherHalves(block + 208, stride);
    for (int i = 0; i < 4; ++i) {
      out[2 * i] = {d, d, {ToFloats(ShiftRightSigned<24>(ShiftLeft<24>(dwords[i]))), ToFloats(ShiftRightSigned<24>(ShiftLeft<16>(dwords[i])))}};
      out[2 * i + 1] = {d, d, {ToFloats(ShiftRightSigned<24>(ShiftLeft<8>(dwords[i]))), ToFloats(ShiftRightSigned<24>(dwords[i]))}};
    }
  }
};

template <>
struct Int8Format<TensorType::kIQ4_XS> : LevelGroups<EightGroups<BlockIQ4_XS>, 8> {
  static constexpr int kBiasShift = 0;
  template <class V>
  static inline void Scales(const uint8_t* block, int64_t stride, GroupScales<V>* out) {
    const auto head = V::GatherDwords(block, stride), low = V::GatherDwords(block + 4, stride);
    Part<0, V>(head, low, LowHalves(head), out);
  }

 private:
  template <int kPart, class V>
  static inline void Part(typename V::Ints head, typename V::Ints low, typename V::Floats d, GroupScales<V>* out) {
    const auto s = Or(And(ShiftRight<4 * kPart>(low), V::Broadcast(15)), ShiftLeft<4>(And(ShiftRight<16 + 2 * kPart>(head), V::Broadcast(3))));
    out[kPart].d = Multiply(d, ToFloats(Subtract(s, V::Broadcast(32))));
    if constexpr (kPart < 7) Part<kPart + 1, V>(head, low, d, out);
  }
};

}  // namespace
}  // namespace pith
