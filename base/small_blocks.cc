#include "base/small_blocks.h"

#include <cmath>
#include <cstring>

#include "base/iq4_nl.h"

namespace pith {
namespace {

// The reference casts a float straight to an integer, which is undefined for scales so small that 1/d overflows (the
// stored f16 scale is then 0, so the code does not matter). Codes outside [0, top] become 0 there.
uint8_t Code(float value, int top) {
  if (!(value >= 0.0f)) return 0;
  return static_cast<uint8_t>(value < static_cast<float>(top) ? static_cast<int>(value)
                              : std::isinf(value)            ? 0
                                                             : top);
}

// The value of largest magnitude, the first of equals.
float Extreme(const float* x) {
  float max_abs = 0.0f, extreme = 0.0f;
  for (int i = 0; i < kBlockSize; ++i) {
    if (max_abs < std::fabs(x[i])) {
      max_abs = std::fabs(x[i]);
      extreme = x[i];
    }
  }
  return extreme;
}

void Range(const float* x, float* low, float* high) {
  *low = *high = x[0];
  for (int i = 1; i < kBlockSize; ++i) {
    if (x[i] < *low) *low = x[i];
    if (x[i] > *high) *high = x[i];
  }
}

// Codes of five bits: the fifths into `high`, the rest as nibbles.
template <class Block, class Code5>
void StoreFiveBits(const float* x, const Code5& code, Block* block) {
  uint32_t high = 0;
  for (int j = 0; j < kBlockSize / 2; ++j) {
    const uint32_t low_half = code(x[j]), high_half = code(x[j + kBlockSize / 2]);
    block->q[j] = static_cast<uint8_t>((low_half & 15) | (high_half & 15) << 4);
    high |= (low_half >> 4) << j | (high_half >> 4) << (j + kBlockSize / 2);
  }
  std::memcpy(block->high, &high, sizeof high);
}

constexpr int kBits[16] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                           1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};

// The fifth bits are tested against a table, since not every instruction set shifts each lane by a number of its own.
void LoadFiveBits(const uint8_t* high, const uint8_t* q, int* codes) {
  const int low_half = high[0] | high[1] << 8, high_half = high[2] | high[3] << 8;
  for (int j = 0; j < kBlockSize / 2; ++j) {
    codes[j] = (q[j] & 15) | ((low_half & kBits[j]) != 0 ? 16 : 0);
    codes[j + kBlockSize / 2] = (q[j] >> 4) | ((high_half & kBits[j]) != 0 ? 16 : 0);
  }
}

}  // namespace

void QuantiseBlock(const float* x, BlockQ8_0* block) {
  float max_abs = 0.0f;
  for (int i = 0; i < kBlockSize; ++i) max_abs = std::fmax(max_abs, std::fabs(x[i]));
  const float d = max_abs / 127.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  for (int i = 0; i < kBlockSize; ++i) {
    const float scaled = std::round(x[i] * inverse);  // halves away from zero
    block->q[i] = std::fabs(scaled) <= 127.0f ? static_cast<int8_t>(scaled) : int8_t{0};
  }
}

void QuantiseBlock(const float* x, BlockQ4_0* block) {
  const float d = Extreme(x) / -8.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  const auto code = [inverse](float v) { return Code(v * inverse + 8.5f, 15); };
  for (int j = 0; j < kBlockSize / 2; ++j) {
    block->q[j] = static_cast<uint8_t>(code(x[j]) | code(x[j + kBlockSize / 2]) << 4);
  }
}

void QuantiseBlock(const float* x, BlockQ4_1* block) {
  float low, high;
  Range(x, &low, &high);
  const float d = (high - low) / 15.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  block->m = F32ToF16(low);
  const auto code = [=](float v) { return Code((v - low) * inverse + 0.5f, 15); };
  for (int j = 0; j < kBlockSize / 2; ++j) {
    block->q[j] = static_cast<uint8_t>(code(x[j]) | code(x[j + kBlockSize / 2]) << 4);
  }
}

void QuantiseBlock(const float* x, BlockQ5_0* block) {
  const float d = Extreme(x) / -16.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  StoreFiveBits(x, [=](float v) { return Code(v * inverse + 16.5f, 31); }, block);
}

void QuantiseBlock(const float* x, BlockQ5_1* block) {
  float low, high;
  Range(x, &low, &high);
  const float d = (high - low) / 31.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  block->m = F32ToF16(low);
  StoreFiveBits(x, [=](float v) { return Code((v - low) * inverse + 0.5f, 31); }, block);
}

void QuantiseBlock(const float* x, BlockIQ4_NL* block) { QuantiseIQ4_NL(x, block); }

void DequantiseBlock(const BlockQ8_0& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < kBlockSize; ++i) out[i] = d * static_cast<float>(block.q[i]);
}

void DequantiseBlock(const BlockQ4_0& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int j = 0; j < kBlockSize / 2; ++j) {
    out[j] = d * static_cast<float>((block.q[j] & 15) - 8);
    out[j + kBlockSize / 2] = d * static_cast<float>((block.q[j] >> 4) - 8);
  }
}

void DequantiseBlock(const BlockQ4_1& block, float* out) {
  const float d = F16ToF32(block.d), m = F16ToF32(block.m);
  for (int j = 0; j < kBlockSize / 2; ++j) {
    out[j] = d * static_cast<float>(block.q[j] & 15) + m;
    out[j + kBlockSize / 2] = d * static_cast<float>(block.q[j] >> 4) + m;
  }
}

void DequantiseBlock(const BlockQ5_0& block, float* out) {
  const float d = F16ToF32(block.d);
  int codes[kBlockSize];
  LoadFiveBits(block.high, block.q, codes);
  for (int i = 0; i < kBlockSize; ++i) out[i] = d * static_cast<float>(codes[i] - 16);
}

void DequantiseBlock(const BlockQ5_1& block, float* out) {
  const float d = F16ToF32(block.d), m = F16ToF32(block.m);
  int codes[kBlockSize];
  LoadFiveBits(block.high, block.q, codes);
  for (int i = 0; i < kBlockSize; ++i) out[i] = d * static_cast<float>(codes[i]) + m;
}

void DequantiseBlock(const BlockIQ4_NL& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int j = 0; j < kBlockSize / 2; ++j) {
    out[j] = d * static_cast<float>(kIQ4Levels[block.q[j] & 15]);
    out[j + kBlockSize / 2] = d * static_cast<float>(kIQ4Levels[block.q[j] >> 4]);
  }
}

}  // namespace pith
