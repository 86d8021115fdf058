// The scalar reference of Linear(), kept for ever: every sum in the order of k.
#include <cstring>

#include "base/error.h"
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

// A block as w = d · q + offset.
struct IntBlock {
  float d, offset;
  int q[kBlockSize];
};

IntBlock Unpack(const BlockQ8_0& block) {
  IntBlock out{F16ToF32(block.d), 0.0f, {}};
  for (int i = 0; i < kBlockSize; ++i) out.q[i] = block.q[i];
  return out;
}

IntBlock Unpack(const BlockQ4_0& block) {
  IntBlock out{F16ToF32(block.d), 0.0f, {}};
  for (int j = 0; j < 16; ++j) {
    out.q[j] = (block.q[j] & 15) - 8;
    out.q[j + 16] = (block.q[j] >> 4) - 8;
  }
  return out;
}

IntBlock Unpack(const BlockQ4_1& block) {
  IntBlock out{F16ToF32(block.d), F16ToF32(block.m), {}};
  for (int j = 0; j < 16; ++j) {
    out.q[j] = block.q[j] & 15;
    out.q[j + 16] = block.q[j] >> 4;
  }
  return out;
}

IntBlock Unpack(const BlockIQ4_NL& block) {
  IntBlock out{F16ToF32(block.d), 0.0f, {}};
  for (int j = 0; j < 16; ++j) {
    out.q[j] = kIQ4Levels[block.q[j] & 15];
    out.q[j + 16] = kIQ4Levels[block.q[j] >> 4];
  }
  return out;
}

template <class Block>
void Int8Kernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t*) {
  for (int64_t n = begin; n < end; ++n) {
    for (int64_t m = 0; m < x.m; ++m) {
      float sum = 0.0f;
      for (int64_t b = 0; b < x.blocks; ++b) {
        Block packed;
        std::memcpy(&packed, task.w + n * task.row_bytes + b * static_cast<int64_t>(sizeof(Block)), sizeof(Block));
        const IntBlock block = Unpack(packed);
        const int8_t* q = x.q + m * x.padded + b * kBlockSize;
        int32_t dot = 0;
        for (int i = 0; i < kBlockSize; ++i) dot += block.q[i] * q[i];
        sum += block.d * x.d[m * x.blocks + b] * static_cast<float>(dot);
        sum += block.offset * x.d_sum[m * x.blocks + b];
      }
      Store(task, m, n, sum);
    }
  }
}

template <TensorType kType>
LinearKernel FloatKernelFor(ActivationType precision) {
  return precision == ActivationType::kF32 ? FloatKernel<kType, false> : FloatKernel<kType, true>;
}

}  // namespace

LinearKernel ScalarLinearKernel(TensorType type, ActivationType precision) {
  const bool int8 = precision == ActivationType::kInt8;
  switch (type) {
    case TensorType::kF32: return FloatKernelFor<TensorType::kF32>(precision);
    case TensorType::kF16: return FloatKernelFor<TensorType::kF16>(precision);
    case TensorType::kBF16: return FloatKernelFor<TensorType::kBF16>(precision);
    case TensorType::kQ8_0: return int8 ? Int8Kernel<BlockQ8_0> : FloatKernelFor<TensorType::kQ8_0>(precision);
    case TensorType::kQ4_0: return int8 ? Int8Kernel<BlockQ4_0> : FloatKernelFor<TensorType::kQ4_0>(precision);
    case TensorType::kQ4_1: return int8 ? Int8Kernel<BlockQ4_1> : FloatKernelFor<TensorType::kQ4_1>(precision);
    case TensorType::kIQ4_NL: return int8 ? Int8Kernel<BlockIQ4_NL> : FloatKernelFor<TensorType::kIQ4_NL>(precision);
    default: break;
  }
  CheckFailed(__FILE__, __LINE__, "a type with a kernel", TypeName(type));
}

}  // namespace pith
