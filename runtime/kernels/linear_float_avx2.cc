// kF32 and kBF16 with AVX2 and FMA: the plan of linear_float_avx512.cc at half the width. There is no bf16 unit: for kBF16
// the panel holds floats that were rounded to bf16, as the prepared rows do.
#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/dequantise_avx2.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kPanelRows = 8;

// The sums of the lanes of v[0..7], in lanes 0..7, each by the same tree.
inline __m256 FoldLanes(const __m256* v) {
  __m256 half[4], quarter[2];
  for (int i = 0; i < 4; ++i) {
    half[i] = _mm256_add_ps(_mm256_permute2f128_ps(v[i], v[i + 4], 0x20), _mm256_permute2f128_ps(v[i], v[i + 4], 0x31));
  }
  for (int i = 0; i < 2; ++i) {
    quarter[i] = _mm256_add_ps(_mm256_unpacklo_ps(half[i], half[i + 2]), _mm256_unpackhi_ps(half[i], half[i + 2]));
  }
  return _mm256_add_ps(_mm256_unpacklo_ps(quarter[0], quarter[1]), _mm256_unpackhi_ps(quarter[0], quarter[1]));
}

// kM rows of x against kN rows of W, kM · kN ≤ 8.
template <int kM, int kN>
inline void Tile(const float* x, int64_t x_stride, const float* w, int64_t w_stride, int64_t padded, float* sums) {
  __m256 acc[8];
  for (int i = 0; i < 8; ++i) acc[i] = _mm256_setzero_ps();
  for (int64_t k = 0; k < padded; k += 8) {
#pragma GCC unroll 4
    for (int m = 0; m < kM; ++m) {
#pragma GCC unroll 8
      for (int n = 0; n < kN; ++n) {
        acc[m * kN + n] = _mm256_fmadd_ps(_mm256_loadu_ps(x + m * x_stride + k), _mm256_loadu_ps(w + n * w_stride + k),
                                          acc[m * kN + n]);
      }
    }
  }
  _mm256_storeu_ps(sums, FoldLanes(acc));
}

template <int kM>
void PanelRows(const RowsView& x, const LinearTask& task, int64_t m, int64_t n, int64_t count, const float* w,
               int64_t w_stride) {
  constexpr int kN = kM == 1 ? 8 : kM == 2 ? 4 : 2;
  float sums[8];
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
  __m256 values[4];
  Block32<kType>::Floats(at, values);
  for (int i = 0; i < 4; ++i) _mm256_storeu_ps(out + 8 * i, kRound ? RoundToBf16(values[i]) : values[i]);
}

template <TensorType kType, bool kRound>
void UnpackRow(const RowsView& x, const uint8_t* row, float* out) {
  constexpr int kBytes = Block32<kType>::kBytes;
  const int64_t full = x.k / kBlockSize;
  for (int64_t b = 0; b < full; ++b) UnpackBlock<kType, kRound>(row + b * kBytes, out + b * 32);
  if (full == x.blocks) return;
  alignas(32) uint8_t last[kBytes] = {};
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
    InGroups<4>(x.m, [&](auto rows, int64_t m) { PanelRows<rows.value>(x, task, m, n, count, panel, x.padded); });
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

LinearKernel Avx2FloatKernel(TensorType type, bool bf16) { return bf16 ? KernelOf<true>(type) : KernelOf<false>(type); }

}  // namespace pith
#endif
