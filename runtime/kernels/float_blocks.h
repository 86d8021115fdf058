// Thirty-two consecutive weights of a row as floats, over the vectors of the float_vectors_*.h that was included before.
//
// Bitwise the reference Dequantise(): every product d·q is exact in float (f16 times at most 8 bits), so one rounding is left at most, and fused
// and separate multiply-adds agree.
#pragma once

#include "base/tensor_type.h"

namespace pith {
namespace {

inline constexpr int kBlockVectors = kBlockSize / kLanes;

// What the sixteen values of four bits stand for.
template <TensorType kType>
constexpr const int8_t* LevelsOf() {
  return kType == TensorType::kQ4_0 ? kSignedLevels : kType == TensorType::kQ4_1 ? kPlainLevels : kIQ4Levels;
}

// kType's block at `at`: of four bits, d and, in Q4_1, a minimum before the codes.
template <TensorType kType>
struct Block32 {
  static constexpr bool kHasMin = kType == TensorType::kQ4_1;
  static constexpr int kBytes = kHasMin ? sizeof(BlockQ4_1) : sizeof(BlockQ4_0);
  static_assert(kType == TensorType::kQ4_0 || kHasMin || kType == TensorType::kIQ4_NL);
  static Floats Min(const uint8_t* at) { return kHasMin ? BroadcastHalf(at + 2) : Broadcast(0.0f); }
  static const uint8_t* Codes(const uint8_t* at) { return at + (kHasMin ? 4 : 2); }
  static void Get(const uint8_t* at, Floats* out) { ScaleNibbles(LoadBytes(Codes(at)), LevelsOf<kType>(), BroadcastHalf(at), Min(at), out); }
};

template <>
struct Block32<TensorType::kQ8_0> {
  static constexpr int kBytes = sizeof(BlockQ8_0);
  static void Get(const uint8_t* at, Floats* out) {
    WidenBytes(LoadBytes(at + 2), out);
    WidenBytes(LoadBytes(at + 18), out + kBlockVectors / 2);
    for (int i = 0; i < kBlockVectors; ++i) out[i] = BroadcastHalf(at) * out[i];
  }
};

// Weights that are floats of one kind or another.
template <class T>
struct PlainBlock32 {
  static constexpr int kBytes = 32 * sizeof(T);
  static void Get(const uint8_t* at, Floats* out) {
    for (int i = 0; i < kBlockVectors; ++i) out[i] = Load(reinterpret_cast<const T*>(at) + i * kLanes);
  }
};
template <>
struct Block32<TensorType::kF16> : PlainBlock32<Half> {};
template <>
struct Block32<TensorType::kBF16> : PlainBlock32<Bf16> {};
template <>
struct Block32<TensorType::kF32> : PlainBlock32<float> {};

}  // namespace
}  // namespace pith
