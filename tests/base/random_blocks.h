// Random blocks of any quantised type, also of those that pith cannot quantise to.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "base/super_blocks.h"

namespace pith {

// `count` values as they lie in a file: random bits, under scales that keep every value within ±top.
inline std::vector<uint8_t> RandomBlocks(TensorType type, int64_t count, float top, uint64_t seed) {
  struct Layout {
    TensorType type;
    size_t d, offset;       // where the two halves are; the same: there is but one
    float steps, offsets;   // d·steps spans the values; dmin·offsets is the largest offset
  };
  static constexpr Layout kLayouts[] = {
      {TensorType::kQ8_0, 0, 0, 2 * 128, 0},          {TensorType::kIQ4_NL, 0, 0, 2 * 127, 0},
      {TensorType::kQ4_0, 0, 0, 2 * 8, 0},            {TensorType::kQ4_1, 0, 2, 15, -1},
      {TensorType::kQ5_0, 0, 0, 2 * 16, 0},           {TensorType::kQ5_1, 0, 2, 31, -1},
      {TensorType::kQ2_K, offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin), 15 * 3, 15},
      {TensorType::kQ3_K, offsetof(BlockQ3_K, d), offsetof(BlockQ3_K, d), 2 * 32 * 4, 0},
      {TensorType::kQ4_K, 0, 2, 63 * 15, 63},         {TensorType::kQ5_K, 0, 2, 63 * 31, 63},
      {TensorType::kQ6_K, offsetof(BlockQ6_K, d), offsetof(BlockQ6_K, d), 2 * 128 * 32, 0},
      {TensorType::kIQ4_XS, 0, 0, 2 * 32 * 127, 0},
  };
  Rng rng(seed);
  std::vector<uint8_t> bytes(RowBytes(type, count));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.Int(0, 255));
  for (const Layout& layout : kLayouts) {
    if (layout.type != type) continue;
    const uint16_t d = F32ToF16(2 * top / layout.steps), offset = layout.offset != layout.d ? F32ToF16(top / layout.offsets) : d;
    for (size_t at = 0; at < bytes.size(); at += BytesPerBlock(type)) {
      std::memcpy(bytes.data() + at + layout.d, &d, 2);
      std::memcpy(bytes.data() + at + layout.offset, &offset, 2);
    }
  }
  return bytes;
}

}  // namespace pith
