#include "base/tensor_type.h"

#include <cstring>

#include "base/error.h"
#include "base/k_quantise.h"
#include "base/small_blocks.h"
#include "base/super_blocks.h"

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
    {TensorType::kQ5_0, "q5_0", kBlockSize, sizeof(BlockQ5_0)},
    {TensorType::kQ5_1, "q5_1", kBlockSize, sizeof(BlockQ5_1)},
    {TensorType::kIQ4_NL, "iq4_nl", kBlockSize, sizeof(BlockIQ4_NL)},
    {TensorType::kQ2_K, "q2_k", kSuperBlockSize, sizeof(BlockQ2_K)},
    {TensorType::kQ3_K, "q3_k", kSuperBlockSize, sizeof(BlockQ3_K)},
    {TensorType::kQ4_K, "q4_k", kSuperBlockSize, sizeof(BlockQ4_K)},
    {TensorType::kQ5_K, "q5_k", kSuperBlockSize, sizeof(BlockQ5_K)},
    {TensorType::kQ6_K, "q6_k", kSuperBlockSize, sizeof(BlockQ6_K)},
    {TensorType::kIQ4_XS, "iq4_xs", kSuperBlockSize, sizeof(BlockIQ4_XS)},
};

const TypeInfo& Info(TensorType type) {
  for (const TypeInfo& info : kTypes) {
    if (info.type == type) return info;
  }
  CheckFailed(__FILE__, __LINE__, "known tensor type", Str(static_cast<uint32_t>(type)));
}

// Blocks and 16-bit values are copied in and out: bytes inside a safetensors file may lie at odd addresses.
template <class Block, int kValues = kBlockSize>
void DequantiseBlocks(const void* in, float* out, int64_t count) {
  const auto* bytes = static_cast<const uint8_t*>(in);
  for (int64_t i = 0; i < count; i += kValues, bytes += sizeof(Block)) {
    Block block;
    std::memcpy(&block, bytes, sizeof(Block));
    DequantiseBlock(block, out + i);
  }
}

template <class Block, int kValues = kBlockSize>
void QuantiseBlocks(const float* in, void* out, int64_t count) {
  auto* bytes = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < count; i += kValues, bytes += sizeof(Block)) {
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
bool IsFourBit(TensorType type) { return IsQuantised(type) && Info(type).bytes * 8 <= 5 * static_cast<size_t>(Info(type).values); }
bool CanQuantise(TensorType type) {
  return type != TensorType::kQ2_K && type != TensorType::kQ3_K && type != TensorType::kQ5_K && type != TensorType::kIQ4_XS;
}
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
    case TensorType::kQ5_0: DequantiseBlocks<BlockQ5_0>(in, out, count); return;
    case TensorType::kQ5_1: DequantiseBlocks<BlockQ5_1>(in, out, count); return;
    case TensorType::kIQ4_NL: DequantiseBlocks<BlockIQ4_NL>(in, out, count); return;
    case TensorType::kQ2_K: DequantiseBlocks<BlockQ2_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kQ3_K: DequantiseBlocks<BlockQ3_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kQ4_K: DequantiseBlocks<BlockQ4_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kQ5_K: DequantiseBlocks<BlockQ5_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kQ6_K: DequantiseBlocks<BlockQ6_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kIQ4_XS: DequantiseBlocks<BlockIQ4_XS, kSuperBlockSize>(in, out, count); return;
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
    case TensorType::kQ5_0: QuantiseBlocks<BlockQ5_0>(in, out, count); return;
    case TensorType::kQ5_1: QuantiseBlocks<BlockQ5_1>(in, out, count); return;
    case TensorType::kIQ4_NL: QuantiseBlocks<BlockIQ4_NL>(in, out, count); return;
    case TensorType::kQ4_K: QuantiseBlocks<BlockQ4_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kQ6_K: QuantiseBlocks<BlockQ6_K, kSuperBlockSize>(in, out, count); return;
    case TensorType::kQ2_K:
    case TensorType::kQ3_K:
    case TensorType::kQ5_K:
    case TensorType::kIQ4_XS: break;
  }
  CheckFailed(__FILE__, __LINE__, "a type that CanQuantise()", TypeName(type));
}

}  // namespace pith
