// kF32 and kBF16 with NEON: eight rows of W are dequantised into a panel in memory, which all rows of x then meet. There is
// no bf16 unit: for kBF16 the panel holds floats that were rounded to bf16, as the prepared rows do.
//
// Every y is summed in four lanes over k and folded by one tree, whatever the shape of the tile.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "runtime/kernels/dequantise_neon.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kPanelRows = 8;

// kM rows of x against kN rows of W (a multiple of four): sums[m · kN + n].
template <int kM, int kN>
inline void Tile(const float* x, int64_t x_stride, const float* w, int64_t w_stride, int64_t padded, float* sums) {
  float32x4_t acc[kM][kN];
  for (int m = 0; m < kM; ++m) {
    for (int n = 0; n < kN; ++n) acc[m][n] = vdupq_n_f32(0.0f);
  }
  for (int64_t k = 0; k < padded; k += 4) {
    float32x4_t values[kM];
#pragma GCC unroll 4
    for (int m = 0; m < kM; ++m) values[m] = vld1q_f32(x + m * x_stride + k);
#pragma GCC unroll 8
    for (int n = 0; n < kN; ++n) {
      const float32x4_t weights = vld1q_f32(w + n * w_stride + k);
#pragma GCC unroll 4
      for (int m = 0; m < kM; ++m) acc[m][n] = vfmaq_f32(acc[m][n], values[m], weights);
    }
  }
  for (int m = 0; m < kM; ++m) {
    for (int n = 0; n < kN; n += 4) {
      const float32x4_t low = vpaddq_f32(acc[m][n], acc[m][n + 1]), high = vpaddq_f32(acc[m][n + 2], acc[m][n + 3]);
      vst1q_f32(sums + m * kN + n, vpaddq_f32(low, high));
    }
  }
}

template <int kM>
void PanelTimesRows(const RowsView& x, const LinearTask& task, int64_t m, int64_t n, int64_t count, const float* w,
                    int64_t w_stride) {
  constexpr int kN = kM <= 2 ? 8 : 4;
  float sums[kM * kN];
  for (int j = 0; j < kPanelRows; j += kN) {
    Tile<kM, kN>(x.f32 + m * x.f32_stride, x.f32_stride, w + j * w_stride, w_stride, x.padded, sums);
    for (int i = 0; i < kM; ++i) {
      float* y = task.y + (m + i) * task.y_stride + n;
      for (int c = 0; c < kN && j + c < count; ++c) {
        y[j + c] = (task.accumulate ? y[j + c] : 0.0f) + task.scale * sums[i * kN + c];
      }
    }
  }
}

template <TensorType kType, bool kRound>
inline void UnpackBlock(const uint8_t* at, float* out) {
  float32x4_t values[8];
  Block32<kType>::Floats(at, values);
  for (int i = 0; i < 8; ++i) vst1q_f32(out + 4 * i, kRound ? RoundToBf16(values[i]) : values[i]);
}

template <TensorType kType, bool kRound>
void UnpackRow(const RowsView& x, const uint8_t* row, float* out) {
  constexpr int kBytes = Block32<kType>::kBytes;
  const int64_t full = x.k / kBlockSize;
  for (int64_t b = 0; b < full; ++b) UnpackBlock<kType, kRound>(row + b * kBytes, out + b * 32);
  if (full == x.blocks) return;
  uint8_t last[kBytes] = {};
  __builtin_memcpy(last, row + full * kBytes, static_cast<size_t>((x.k - full * 32) * (kBytes / 32)));
  UnpackBlock<kType, kRound>(last, out + full * 32);
}

template <TensorType kType, bool kRound>
void FloatKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  auto* panel = reinterpret_cast<float*>(scratch);
  for (int64_t n = begin; n < end; n += kPanelRows) {
    const int64_t count = end - n < kPanelRows ? end - n : kPanelRows;
    for (int64_t r = 0; r < kPanelRows; ++r) {  // the last row fills the panel up
      const int64_t row = n + (r < count ? r : count - 1);
      UnpackRow<kType, kRound>(x, task.w + row * task.row_bytes, panel + r * x.padded);
    }
    InGroups<4>(x.m, [&](auto rows, int64_t m) { PanelTimesRows<rows.value>(x, task, m, n, count, panel, x.padded); });
  }
}

template <bool kRound>
LinearKernel KernelOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return FloatKernel<TensorType::kF32, kRound>;
    case TensorType::kF16: return FloatKernel<TensorType::kF16, kRound>;
    case TensorType::kBF16: return FloatKernel<TensorType::kBF16, kRound>;
    case TensorType::kQ8_0: return FloatKernel<TensorType::kQ8_0, kRound>;
    case TensorType::kQ4_0: return FloatKernel<TensorType::kQ4_0, kRound>;
    case TensorType::kQ4_1: return FloatKernel<TensorType::kQ4_1, kRound>;
    case TensorType::kIQ4_NL: return FloatKernel<TensorType::kIQ4_NL, kRound>;
    default: return nullptr;
  }
}

}  // namespace

LinearKernel NeonFloatKernel(TensorType type, bool bf16) { return bf16 ? KernelOf<true>(type) : KernelOf<false>(type); }

}  // namespace pith
#endif
