// The products of weights that no instruction set has kernels for: a few rows are dequantised by the reference, then meet all rows of x.
//
// A sum lives in 16 lanes over k, folded by one tree at the end, without fused multiply-adds: every clone of Dot() and every instruction
// set's prepared rows (bf16 or floats that were rounded to it) give the same bits.
#include <bit>

#include "base/error.h"
#include "runtime/kernels/clones.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int kLanes = 16;
constexpr int64_t kPlainRows = 8;  // dequantised at a time: they stay in the nearest cache for all rows of x

inline float Fold(float* lanes) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// k is a multiple of 32.
PITH_CLONES float Dot(const float* x, const float* w, int64_t k) {
  float lanes[kLanes] = {};
  for (int64_t at = 0; at < k; at += kLanes) {
    for (int i = 0; i < kLanes; ++i) lanes[i] += x[at + i] * w[at + i];
  }
  return Fold(lanes);
}

PITH_CLONES float DotBf16(const uint16_t* x, const float* w, int64_t k) {
  float lanes[kLanes] = {};
  for (int64_t at = 0; at < k; at += kLanes) {
    for (int i = 0; i < kLanes; ++i) lanes[i] += BF16ToF32(x[at + i]) * w[at + i];
  }
  return Fold(lanes);
}

// BF16ToF32(F32ToBF16(value)) for each, without a call, so that the loop vectorises.
PITH_CLONES void RoundRowsToBf16(float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u), quiet = bits | 0x400000u;
    values[i] = std::bit_cast<float>(((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded) & 0xffff0000u);
  }
}

template <TensorType kType, bool kRound>
void PlainKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  auto* rows = reinterpret_cast<float*>(scratch);
  for (int64_t n = begin; n < end; n += kPlainRows) {
    const int64_t count = end - n < kPlainRows ? end - n : kPlainRows;
    for (int64_t r = 0; r < count; ++r) Dequantise(kType, task.w + (n + r) * task.row_bytes, rows + r * x.k, x.k);
    if (kRound) RoundRowsToBf16(rows, count * x.k);
    for (int64_t m = 0; m < x.m; ++m) {
      float* y = task.y + m * task.y_stride + n;
      for (int64_t r = 0; r < count; ++r) {
        const float* w = rows + r * x.k;
        const float sum = x.f32 != nullptr ? Dot(x.f32 + m * x.f32_stride, w, x.k) : DotBf16(x.bf16 + m * x.padded, w, x.k);
        y[r] = (task.accumulate ? y[r] : 0.0f) + task.scale * sum;
      }
    }
  }
}

template <TensorType kType>
LinearKernel PlainKernelFor(ActivationType precision) {
  return precision == ActivationType::kF32 ? PlainKernel<kType, false> : PlainKernel<kType, true>;
}

}  // namespace

LinearKernel PlainLinearKernel(TensorType type, ActivationType precision) {
  switch (type) {
    case TensorType::kQ5_0: return PlainKernelFor<TensorType::kQ5_0>(precision);
    case TensorType::kQ5_1: return PlainKernelFor<TensorType::kQ5_1>(precision);
    case TensorType::kQ2_K: return PlainKernelFor<TensorType::kQ2_K>(precision);
    case TensorType::kQ3_K: return PlainKernelFor<TensorType::kQ3_K>(precision);
    case TensorType::kQ4_K: return PlainKernelFor<TensorType::kQ4_K>(precision);
    case TensorType::kQ5_K: return PlainKernelFor<TensorType::kQ5_K>(precision);
    case TensorType::kQ6_K: return PlainKernelFor<TensorType::kQ6_K>(precision);
    case TensorType::kIQ4_XS: return PlainKernelFor<TensorType::kIQ4_XS>(precision);
    default: break;
  }
  CheckFailed(__FILE__, __LINE__, "a type with a kernel", TypeName(type));
}

}  // namespace pith
