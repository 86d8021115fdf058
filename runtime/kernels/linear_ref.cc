// The scalar reference of Linear(), kept for ever. In f32 and bf16 every sum is in the order of k; with int8 activations as
// int8_few_rows.h says, to the bit.
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/super_blocks.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

void Store(const LinearTask& task, int64_t m, int64_t n, float sum) {
  float& y = task.y[m * task.y_stride + n];
  y = (task.accumulate ? y : 0.0f) + task.scale * sum;
}

template <TensorType kType, bool kRound>
void FloatKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  auto* row = reinterpret_cast<float*>(scratch);
  for (int64_t n = begin; n < end; ++n) {
    Dequantise(kType, task.w + n * task.row_bytes, row, x.k);
    if (kRound) {
      for (int64_t k = 0; k < x.k; ++k) row[k] = BF16ToF32(F32ToBF16(row[k]));
    }
    for (int64_t m = 0; m < x.m; ++m) {
      const float* values = x.f32 + m * x.f32_stride;
      float sum = 0.0f;
      for (int64_t k = 0; k < x.k; ++k) sum += values[k] * row[k];
      Store(task, m, n, sum);
    }
  }
}

// A group of 32 as w = d · s · code + min: s one for codes 0 to 15 and one for the others.
struct CodeGroup {
  float d = 0, min = 0;
  int s[2] = {1, 1}, code[kBlockSize] = {};
};

// Groups of small blocks.
CodeGroup GroupOf(const BlockQ8_0& block, int) {
  CodeGroup out{F16ToF32(block.d)};
  for (int i = 0; i < kBlockSize; ++i) out.code[i] = block.q[i];
  return out;
}

template <class Code>
CodeGroup Nibbles(float d, float min, const uint8_t* q, const Code& code) {
  CodeGroup out{d, min};
  for (int i = 0; i < kBlockSize; ++i) out.code[i] = code(i, i < 16 ? q[i] & 15 : q[i - 16] >> 4);
  return out;
}
int FifthBit(const uint8_t* high, int i) { return (high[i / 8] >> i % 8 & 1) << 4; }

CodeGroup GroupOf(const BlockQ4_0& block, int) {
  return Nibbles(F16ToF32(block.d), 0, block.q, [](int, int nibble) { return nibble - 8; });
}
CodeGroup GroupOf(const BlockQ4_1& block, int) {
  return Nibbles(F16ToF32(block.d), F16ToF32(block.m), block.q, [](int, int nibble) { return nibble; });
}
CodeGroup GroupOf(const BlockQ5_0& block, int) {
  return Nibbles(F16ToF32(block.d), 0, block.q, [&](int i, int nibble) { return (nibble | FifthBit(block.high, i)) - 16; });
}
CodeGroup GroupOf(const BlockQ5_1& block, int) {
  return Nibbles(F16ToF32(block.d), F16ToF32(block.m), block.q, [&](int i, int nibble) { return nibble | FifthBit(block.high, i); });
}
CodeGroup GroupOf(const BlockIQ4_NL& block, int) {
  return Nibbles(F16ToF32(block.d), 0, block.q, [](int, int nibble) { return int{kIQ4Levels[nibble]}; });
}

// Group g of eight.
template <class Block>
CodeGroup SixBitGroup(const Block& block, int g) {
  const SixBitScales scales = UnpackSixBits(block.scales);
  return {F16ToF32(block.d) * static_cast<float>(scales.scale[g]), -(F16ToF32(block.dmin) * static_cast<float>(scales.offset[g]))};
}
CodeGroup GroupOf(const BlockQ4_K& block, int g) {
  CodeGroup out = SixBitGroup(block, g);
  for (int i = 0; i < kBlockSize; ++i) out.code[i] = block.q[g / 2 * 32 + i] >> g % 2 * 4 & 15;
  return out;
}
CodeGroup GroupOf(const BlockQ5_K& block, int g) {
  CodeGroup out = SixBitGroup(block, g);
  for (int i = 0; i < kBlockSize; ++i) out.code[i] = (block.q[g / 2 * 32 + i] >> g % 2 * 4 & 15) | (block.high[i] >> g & 1) << 4;
  return out;
}
CodeGroup GroupOf(const BlockQ6_K& block, int g) {
  CodeGroup out{F16ToF32(block.d), 0, {block.scales[2 * g], block.scales[2 * g + 1]}};
  for (int i = 0; i < kBlockSize; ++i) {
    const int low = block.low[g / 4 * 64 + g % 2 * 32 + i] >> g % 4 / 2 * 4 & 15, high = block.high[g / 4 * 32 + i] >> g % 4 * 2 & 3;
    out.code[i] = (low | high << 4) - 32;
  }
  return out;
}
CodeGroup GroupOf(const BlockIQ4_XS& block, int g) {
  const int s = (block.scales_low[g / 2] >> g % 2 * 4 & 15) | (block.scales_high >> 2 * g & 3) << 4;
  return Nibbles(F16ToF32(block.d) * static_cast<float>(s - 32), 0, block.q + 16 * g, [](int, int nibble) { return int{kIQ4Levels[nibble]}; });
}

template <class Block>
constexpr bool kHasMin = requires(Block block) { block.m; } || requires(Block block) { block.dmin; };

// Terms are added in order, each by one fused operation, as every int8 kernel does.
template <class Block, int kGroups>
void Int8Kernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t*) {
  for (int64_t n = begin; n < end; ++n) {
    for (int64_t m = 0; m < x.m; ++m) {
      float sum = 0.0f;
      for (int64_t b = 0; b < x.blocks; ++b) {
        Block packed;
        std::memcpy(&packed, task.w + n * task.row_bytes + b / kGroups * static_cast<int64_t>(sizeof(Block)), sizeof(Block));
        const CodeGroup group = GroupOf(packed, static_cast<int>(b % kGroups));
        const int8_t* q = x.q + m * x.padded + b * kBlockSize;
        const RowGroup& of_x = x.groups[m * x.blocks + b];
        int32_t dot[2] = {};
        for (int i = 0; i < kBlockSize; ++i) dot[i / 16] += group.code[i] * q[i];
        const auto whole = static_cast<float>(group.s[0] * dot[0] + group.s[1] * dot[1]);
        sum = std::fma(group.d * of_x.d, whole, sum);
        if (kHasMin<Block>) sum = std::fma(group.min, of_x.d_sum, sum);
      }
      Store(task, m, n, sum);
    }
  }
}

LinearKernel Int8KernelFor(TensorType type) {
  switch (type) {
    case TensorType::kQ8_0: return Int8Kernel<BlockQ8_0, 1>;
    case TensorType::kQ4_0: return Int8Kernel<BlockQ4_0, 1>;
    case TensorType::kQ4_1: return Int8Kernel<BlockQ4_1, 1>;
    case TensorType::kQ5_0: return Int8Kernel<BlockQ5_0, 1>;
    case TensorType::kQ5_1: return Int8Kernel<BlockQ5_1, 1>;
    case TensorType::kIQ4_NL: return Int8Kernel<BlockIQ4_NL, 1>;
    case TensorType::kIQ4_XS: return Int8Kernel<BlockIQ4_XS, 8>;
    case TensorType::kQ4_K: return Int8Kernel<BlockQ4_K, 8>;
    case TensorType::kQ5_K: return Int8Kernel<BlockQ5_K, 8>;
    case TensorType::kQ6_K: return Int8Kernel<BlockQ6_K, 8>;
    default: break;
  }
  CheckFailed(__FILE__, __LINE__, "a type with an int8 kernel", TypeName(type));
}

template <TensorType kType>
LinearKernel FloatKernelFor(ActivationType precision) {
  return precision == ActivationType::kF32 ? FloatKernel<kType, false> : FloatKernel<kType, true>;
}

}  // namespace

LinearKernel ScalarLinearKernel(TensorType type, ActivationType precision) {
  if (precision == ActivationType::kInt8) return Int8KernelFor(type);
  switch (type) {
    case TensorType::kF32: return FloatKernelFor<TensorType::kF32>(precision);
    case TensorType::kF16: return FloatKernelFor<TensorType::kF16>(precision);
    case TensorType::kBF16: return FloatKernelFor<TensorType::kBF16>(precision);
    case TensorType::kQ8_0: return FloatKernelFor<TensorType::kQ8_0>(precision);
    case TensorType::kQ4_0: return FloatKernelFor<TensorType::kQ4_0>(precision);
    case TensorType::kQ4_1: return FloatKernelFor<TensorType::kQ4_1>(precision);
    case TensorType::kIQ4_NL: return FloatKernelFor<TensorType::kIQ4_NL>(precision);
    default: break;
  }
  CheckFailed(__FILE__, __LINE__, "a type with a kernel", TypeName(type));
}

}  // namespace pith
