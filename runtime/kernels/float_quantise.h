// Rows of x as codes of groups of 32, or rounded to bf16, over the vectors of the float_vectors_*.h that was included before (linear_kernels.h).
#pragma once

#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

void QuantiseRowOf(const float* x, int64_t padded, int8_t* q, RowGroup* groups) {
  constexpr int kVectors = kBlockSize / kLanes;
  for (int64_t b = 0; b < padded / kBlockSize; ++b, x += kBlockSize, q += kBlockSize) {
    Floats v[kVectors];
    Ints bits = BroadcastInt(0);
    for (int i = 0; i < kVectors; ++i) {
      v[i] = Load(x + i * kLanes);
      bits = MaxUnsigned(bits, AbsoluteBits(v[i]));
    }
    const uint32_t max_bits = LargestUnsigned(bits);
    if (OutOfRange(max_bits, q, groups + b)) continue;
    const float max_abs = __builtin_bit_cast(float, max_bits);
    Ints codes[kVectors];
    for (int i = 0; i < kVectors; ++i) codes[i] = ToInts(v[i] * Broadcast(127.0f / max_abs));
    StoreBytes(q, codes);
    groups[b] = GroupOfSums(max_abs / 127.0f, SumOfSixteen(codes), SumOfSixteen(codes + kVectors / 2));
  }
}

}  // namespace
}  // namespace pith
