#include "base/tensor_type.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/iq4_nl.h"

namespace pith {
namespace {

struct TypeInfo {
  TensorType type;
  const char* name;
  int values;
  size_t bytes;
};
constexpr TypeInfo kTypes[] = {
    {TensorType::kF32, "f32", 1, 4},           {TensorType::kF16, "f16", 1, 2},
    {TensorType::kBF16, "bf16", 1, 2},         {TensorType::kQ8_0, "q8_0", kBlockSize, sizeof(BlockQ8_0)},
    {TensorType::kQ4_0, "q4_0", kBlockSize, sizeof(BlockQ4_0)},
    {TensorType::kQ4_1, "q4_1", kBlockSize, sizeof(BlockQ4_1)},
    {TensorType::kIQ4_NL, "iq4_nl", kBlockSize, sizeof(BlockIQ4_NL)},
};

const TypeInfo& Info(TensorType type) {
  for (const TypeInfo& info : kTypes) {
    if (info.type == type) return info;
  }
  CheckFailed(__FILE__, __LINE__, "known tensor type", Str(static_cast<uint32_t>(type)));
}

// The reference casts a float straight to an integer, which is undefined for scales so small that 1/d overflows (the
// stored f16 scale is then 0, so the code does not matter). Codes outside [0, top] become 0 there.
uint8_t Code(float value, int top) {
  if (!(value >= 0.0f)) return 0;
  return static_cast<uint8_t>(value < static_cast<float>(top) ? static_cast<int>(value)
                              : std::isinf(value)            ? 0
                                                             : top);
}

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
  float max_abs = 0.0f, extreme = 0.0f;
  for (int i = 0; i < kBlockSize; ++i) {
    if (max_abs < std::fabs(x[i])) {
      max_abs = std::fabs(x[i]);
      extreme = x[i];
    }
  }
  const float d = extreme / -8.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  const auto code = [inverse](float v) { return Code(v * inverse + 8.5f, 15); };
  for (int j = 0; j < kBlockSize / 2; ++j) {
    block->q[j] = static_cast<uint8_t>(code(x[j]) | code(x[j + kBlockSize / 2]) << 4);
  }
}

void QuantiseBlock(const float* x, BlockQ4_1* block) {
  float low = x[0], high = x[0];
  for (int i = 1; i < kBlockSize; ++i) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
  }
  const float d = (high - low) / 15.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block->d = F32ToF16(d);
  block->m = F32ToF16(low);
  const auto code = [=](float v) { return Code((v - low) * inverse + 0.5f, 15); };
  for (int j = 0; j < kBlockSize / 2; ++j) {
    block->q[j] = static_cast<uint8_t>(code(x[j]) | code(x[j + kBlockSize / 2]) << 4);
  }
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

void DequantiseBlock(const BlockIQ4_NL& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int j = 0; j < kBlockSize / 2; ++j) {
    out[j] = d * static_cast<float>(kIQ4Levels[block.q[j] & 15]);
    out[j + kBlockSize / 2] = d * static_cast<float>(kIQ4Levels[block.q[j] >> 4]);
  }
}

// Blocks and 16-bit values are copied in and out: bytes inside a safetensors file may lie at odd addresses.
template <class Block>
void DequantiseBlocks(const void* in, float* out, int64_t count) {
  const auto* bytes = static_cast<const uint8_t*>(in);
  for (int64_t i = 0; i < count; i += kBlockSize, bytes += sizeof(Block)) {
    Block block;
    std::memcpy(&block, bytes, sizeof(Block));
    DequantiseBlock(block, out + i);
  }
}

template <class Block>
void QuantiseBlocks(const float* in, void* out, int64_t count) {
  auto* bytes = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < count; i += kBlockSize, bytes += sizeof(Block)) {
    Block block;
    QuantiseBlock(in + i, &block);
    std::memcpy(bytes, &block, sizeof(Block));
  }
}

template <float (*kConvert)(uint16_t)>
void Widen(const void* in, float* out, int64_t count) {
  const auto* bytes = static_cast<const uint8_t*>(in);
  for (int64_t i = 0; i < count; ++i) {
    uint16_t value;
    std::memcpy(&value, bytes + 2 * i, 2);
    out[i] = kConvert(value);
  }
}

template <uint16_t (*kConvert)(float)>
void Narrow(const float* in, void* out, int64_t count) {
  auto* bytes = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t value = kConvert(in[i]);
    std::memcpy(bytes + 2 * i, &value, 2);
  }
}

void CheckCount(TensorType type, int64_t count) {
  PITH_CHECK(count >= 0 && count % ValuesPerBlock(type) == 0, count, " values of ", TypeName(type));
}

}  // namespace

const char* TypeName(TensorType type) { return Info(type).name; }

std::optional<TensorType> TypeFromName(std::string_view name) {
  for (const TypeInfo& info : kTypes) {
    const std::string_view known = info.name;
    bool equal = known.size() == name.size();
    for (size_t i = 0; equal && i < name.size(); ++i) {
      const char c = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] + ('a' - 'A')) : name[i];
      equal = c == known[i];
    }
    if (equal) return info.type;
  }
  return std::nullopt;
}

std::optional<TensorType> TypeFromGguf(uint32_t ggml_type) {
  for (const TypeInfo& info : kTypes) {
    if (static_cast<uint32_t>(info.type) == ggml_type) return info.type;
  }
  return std::nullopt;
}

bool IsQuantised(TensorType type) { return Info(type).values > 1; }
bool IsFourBit(TensorType type) { return IsQuantised(type) && Info(type).bytes <= 20; }
int ValuesPerBlock(TensorType type) { return Info(type).values; }
size_t BytesPerBlock(TensorType type) { return Info(type).bytes; }

size_t RowBytes(TensorType type, int64_t cols) {
  const TypeInfo& info = Info(type);
  PITH_CHECK(cols >= 0 && cols % info.values == 0, "row of ", cols, " values of ", info.name);
  return static_cast<size_t>(cols / info.values) * info.bytes;
}

void Dequantise(TensorType type, const void* in, float* out, int64_t count) {
  CheckCount(type, count);
  if (count == 0) return;
  switch (type) {
    case TensorType::kF32: std::memcpy(out, in, static_cast<size_t>(count) * 4); return;
    case TensorType::kF16: Widen<F16ToF32>(in, out, count); return;
    case TensorType::kBF16: Widen<BF16ToF32>(in, out, count); return;
    case TensorType::kQ8_0: DequantiseBlocks<BlockQ8_0>(in, out, count); return;
    case TensorType::kQ4_0: DequantiseBlocks<BlockQ4_0>(in, out, count); return;
    case TensorType::kQ4_1: DequantiseBlocks<BlockQ4_1>(in, out, count); return;
    case TensorType::kIQ4_NL: DequantiseBlocks<BlockIQ4_NL>(in, out, count); return;
  }
}

void Quantise(TensorType type, const float* in, void* out, int64_t count) {
  CheckCount(type, count);
  if (count == 0) return;
  switch (type) {
    case TensorType::kF32: std::memcpy(out, in, static_cast<size_t>(count) * 4); return;
    case TensorType::kF16: Narrow<F32ToF16>(in, out, count); return;
    case TensorType::kBF16: Narrow<F32ToBF16>(in, out, count); return;
    case TensorType::kQ8_0: QuantiseBlocks<BlockQ8_0>(in, out, count); return;
    case TensorType::kQ4_0: QuantiseBlocks<BlockQ4_0>(in, out, count); return;
    case TensorType::kQ4_1: QuantiseBlocks<BlockQ4_1>(in, out, count); return;
    case TensorType::kIQ4_NL: QuantiseBlocks<BlockIQ4_NL>(in, out, count); return;
  }
}

}  // namespace pith
