#include "base/super_blocks.h"

namespace pith {

SixBitScales UnpackSixBits(const uint8_t* twelve) {
  SixBitScales out;
  for (int i = 0; i < 4; ++i) {
    const int s = twelve[i], o = twelve[i + 4], both = twelve[i + 8];
    out.scale[i] = static_cast<uint8_t>(s & 63);
    out.offset[i] = static_cast<uint8_t>(o & 63);
    out.scale[i + 4] = static_cast<uint8_t>((both & 15) | (s >> 6) << 4);
    out.offset[i + 4] = static_cast<uint8_t>(both >> 4 | (o >> 6) << 4);
  }
  return out;
}

void PackSixBits(const SixBitScales& scales, uint8_t* twelve) {
  for (int i = 0; i < 4; ++i) {
    const int s = scales.scale[i + 4], o = scales.offset[i + 4];
    twelve[i] = static_cast<uint8_t>(scales.scale[i] | (s >> 4) << 6);
    twelve[i + 4] = static_cast<uint8_t>(scales.offset[i] | (o >> 4) << 6);
    twelve[i + 8] = static_cast<uint8_t>((s & 15) | (o & 15) << 4);
  }
}

void DequantiseBlock(const BlockQ2_K& block, float* out) {
  const float d = F16ToF32(block.d), dmin = F16ToF32(block.dmin);
  for (int part = 0; part < 16; ++part) {
    const float scale = d * static_cast<float>(block.scales[part] & 15), offset = dmin * static_cast<float>(block.scales[part] >> 4);
    const uint8_t* q = block.q + part / 8 * 32 + part % 2 * 16;
    const int shift = part % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) out[part * 16 + i] = scale * static_cast<float>(q[i] >> shift & 3) - offset;
  }
}

void DequantiseBlock(const BlockQ3_K& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int part = 0; part < 16; ++part) {
    const int low = block.scales[part % 8] >> part / 8 * 4 & 15, high = block.scales[8 + part % 4] >> part / 4 * 2 & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    const uint8_t *q = block.q + part / 8 * 32 + part % 2 * 16, *not_negative = block.high + part % 2 * 16;
    const int shift = part % 8 / 2 * 2, bit = part / 2;
    for (int i = 0; i < 16; ++i) {
      const int code = (q[i] >> shift & 3) - 4 + (not_negative[i] >> bit & 1) * 4;
      out[part * 16 + i] = scale * static_cast<float>(code);
    }
  }
}

namespace {

// Q4_K and Q5_K: 32 values a part, each part with a scale and an offset of six bits. fifth_bit(part, i): of value i of the part.
template <class Block, class FifthBit>
void DequantiseSixBitParts(const Block& block, const FifthBit& fifth_bit, float* out) {
  const float d = F16ToF32(block.d), dmin = F16ToF32(block.dmin);
  const SixBitScales scales = UnpackSixBits(block.scales);
  for (int part = 0; part < 8; ++part) {
    const float scale = d * static_cast<float>(scales.scale[part]), offset = dmin * static_cast<float>(scales.offset[part]);
    const uint8_t* q = block.q + part / 2 * 32;
    const int shift = part % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int code = (q[i] >> shift & 15) | fifth_bit(part, i) << 4;
      out[part * 32 + i] = scale * static_cast<float>(code) - offset;
    }
  }
}

}  // namespace

void DequantiseBlock(const BlockQ4_K& block, float* out) {
  DequantiseSixBitParts(block, [](int, int) { return 0; }, out);
}

void DequantiseBlock(const BlockQ5_K& block, float* out) {
  DequantiseSixBitParts(block, [&](int part, int i) { return block.high[i] >> part & 1; }, out);
}

void DequantiseBlock(const BlockQ6_K& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int part = 0; part < 16; ++part) {
    const float scale = d * static_cast<float>(block.scales[part]);
    const int half = part / 8, place = part % 8 * 16;  // of 128 values
    const uint8_t *low = block.low + half * 64 + place % 64, *high = block.high + half * 32 + place % 32;
    const int low_shift = place / 64 * 4, high_shift = place / 32 * 2;
    for (int i = 0; i < 16; ++i) {
      const int code = ((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4) - 32;
      out[part * 16 + i] = scale * static_cast<float>(code);
    }
  }
}

void DequantiseBlock(const BlockIQ4_XS& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int part = 0; part < 8; ++part) {
    const int low = block.scales_low[part / 2] >> part % 2 * 4 & 15, high = block.scales_high >> 2 * part & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    const uint8_t* q = block.q + part * 16;
    for (int i = 0; i < 16; ++i) {
      out[part * 32 + i] = scale * static_cast<float>(kIQ4Levels[q[i] & 15]);
      out[part * 32 + i + 16] = scale * static_cast<float>(kIQ4Levels[q[i] >> 4]);
    }
  }
}

}  // namespace pith
