// kF32 and kBF16 with AVX-512: 16 rows of weights at a time become a panel of floats or bf16 in cache, against which
// tiles of (rows of x) × (rows of W) are summed, sixteen accumulators at a time.
//
// One sum lives in the 16 lanes of one register over all steps of k and is folded by one fixed tree; neither depends on the
// tile, which makes results independent of M.
#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/dequantise_avx512.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kPanelRows = 16;

// A panel row is a sequence of 64-byte steps. kStepValues of k each.
struct F32Unit {
  static constexpr int kValueBytes = 4;
  static const uint8_t* Rows(const RowsView& x) { return reinterpret_cast<const uint8_t*>(x.f32); }
  static int64_t Stride(const RowsView& x) { return x.f32_stride * 4; }
  template <class Block>
  static void Unpack(const uint8_t* at, uint8_t* out) {
    __m512 low, high;
    Block::Floats(at, &low, &high);
    _mm512_store_ps(out, low);
    _mm512_store_ps(out + 64, high);
  }
  static __m512 Step(__m512 sum, const uint8_t* x, const uint8_t* w) {
    return _mm512_fmadd_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(w), sum);
  }
};

struct Bf16Unit {
  static constexpr int kValueBytes = 2;
  static const uint8_t* Rows(const RowsView& x) { return reinterpret_cast<const uint8_t*>(x.bf16); }
  static int64_t Stride(const RowsView& x) { return x.padded * 2; }
  template <class Block>
  static void Unpack(const uint8_t* at, uint8_t* out) {
    _mm512_store_si512(out, Block::Bf16(at));
  }
  static __m512 Step(__m512 sum, const uint8_t* x, const uint8_t* w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_loadu_si512(x)),
                            reinterpret_cast<__m512bh>(_mm512_loadu_si512(w)));
  }
};

// The sums of the lanes of v[0..15], in lanes 0..15. Each is ((halves) + quarters) + …: the same tree for all.
inline __m512 FoldLanes(const __m512* v) {
  __m512 half[8], quarter[4], pair[2];
  for (int i = 0; i < 8; ++i) {
    half[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v[i], v[i + 8], 0x44), _mm512_shuffle_f32x4(v[i], v[i + 8], 0xee));
  }
  for (int i = 0; i < 4; ++i) {
    quarter[i] = _mm512_add_ps(_mm512_shuffle_f32x4(half[i], half[i + 4], 0x88),
                               _mm512_shuffle_f32x4(half[i], half[i + 4], 0xdd));
  }
  for (int i = 0; i < 2; ++i) {
    pair[i] = _mm512_add_ps(_mm512_unpacklo_ps(quarter[i], quarter[i + 2]),
                            _mm512_unpackhi_ps(quarter[i], quarter[i + 2]));
  }
  const __m512 folded = _mm512_add_ps(_mm512_unpacklo_ps(pair[0], pair[1]), _mm512_unpackhi_ps(pair[0], pair[1]));
  return _mm512_shuffle_f32x4(folded, folded, 0xd8);  // quarters come out as 0, 2, 1, 3
}

// kM rows of x against kN rows of W, kM · kN ≤ 16.
template <class Unit, int kM, int kN>
inline void Tile(const uint8_t* x, int64_t x_stride, const uint8_t* w, int64_t w_stride, int64_t bytes, float* sums) {
  __m512 acc[16];
  for (int i = 0; i < 16; ++i) acc[i] = _mm512_setzero_ps();
  for (int64_t at = 0; at < bytes; at += 64) {
#pragma GCC unroll 4
    for (int m = 0; m < kM; ++m) {
#pragma GCC unroll 16
      for (int n = 0; n < kN; ++n) {
        acc[m * kN + n] = Unit::Step(acc[m * kN + n], x + m * x_stride + at, w + n * w_stride + at);
      }
    }
  }
  _mm512_store_ps(sums, FoldLanes(acc));
}

void StoreRow(const LinearTask& task, int64_t m, int64_t n, int64_t count, const float* sums) {
  const auto mask = static_cast<__mmask16>((1u << count) - 1u);
  float* y = task.y + m * task.y_stride + n;
  __m512 value = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, sums), _mm512_set1_ps(task.scale));
  if (task.accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), value);
  _mm512_mask_storeu_ps(y, mask, value);
}

// kM rows of x against the 16 of the panel.
template <class Unit, int kM>
void PanelRows(const RowsView& x, const LinearTask& task, int64_t m, int64_t n, int64_t count, const uint8_t* w,
               int64_t w_stride) {
  constexpr int kN = kM == 1 ? 16 : kM == 2 ? 8 : 4;
  alignas(64) float sums[16], rows[kM][16];
  const int64_t stride = Unit::Stride(x);
  for (int j = 0; j < 16; j += kN) {
    Tile<Unit, kM, kN>(Unit::Rows(x) + m * stride, stride, w + j * w_stride, w_stride, x.padded * Unit::kValueBytes,
                       sums);
    for (int i = 0; i < kM; ++i) __builtin_memcpy(&rows[i][j], sums + i * kN, kN * sizeof(float));
  }
  for (int i = 0; i < kM; ++i) StoreRow(task, m + i, n, count, rows[i]);
}

// A row of weights as a panel row. Only F32, F16 and BF16 rows may end within a block of 32.
template <class Unit, class Block>
void UnpackRow(const RowsView& x, const uint8_t* row, uint8_t* out) {
  const int64_t full = x.k / kBlockSize;
  for (int64_t b = 0; b < full; ++b) Unit::template Unpack<Block>(row + b * Block::kBytes, out + b * 32 * Unit::kValueBytes);
  if (full == x.blocks) return;
  alignas(64) uint8_t last[Block::kBytes] = {};
  __builtin_memcpy(last, row + full * Block::kBytes, static_cast<size_t>((x.k - full * 32) * (Block::kBytes / 32)));
  Unit::template Unpack<Block>(last, out + full * 32 * Unit::kValueBytes);
}

template <class Unit, TensorType kType>
void FloatKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  using Block = Block32<kType>;
  const bool as_it_lies = Block::kBytes == 32 * Unit::kValueBytes && x.k == x.padded &&
                          (kType == TensorType::kF32 || kType == TensorType::kBF16);
  for (int64_t n = begin; n < end; n += kPanelRows) {
    const int64_t count = end - n < kPanelRows ? end - n : kPanelRows;
    const uint8_t* w = task.w + n * task.row_bytes;
    int64_t w_stride = task.row_bytes;
    if (!as_it_lies || count < kPanelRows) {
      w = scratch;
      w_stride = x.padded * Unit::kValueBytes;
      for (int64_t r = 0; r < kPanelRows; ++r) {  // the last row fills the panel up
        const int64_t row = n + (r < count ? r : count - 1);
        UnpackRow<Unit, Block>(x, task.w + row * task.row_bytes, scratch + r * w_stride);
      }
    }
    InGroups<4>(x.m, [&](auto rows, int64_t m) { PanelRows<Unit, rows.value>(x, task, m, n, count, w, w_stride); });
  }
}

template <class Unit>
LinearKernel KernelOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return FloatKernel<Unit, TensorType::kF32>;
    case TensorType::kF16: return FloatKernel<Unit, TensorType::kF16>;
    case TensorType::kBF16: return FloatKernel<Unit, TensorType::kBF16>;
    case TensorType::kQ8_0: return FloatKernel<Unit, TensorType::kQ8_0>;
    case TensorType::kQ4_0: return FloatKernel<Unit, TensorType::kQ4_0>;
    case TensorType::kQ4_1: return FloatKernel<Unit, TensorType::kQ4_1>;
    case TensorType::kIQ4_NL: return FloatKernel<Unit, TensorType::kIQ4_NL>;
    default: return nullptr;
  }
}

}  // namespace

LinearKernel Avx512FloatKernel(TensorType type, bool bf16) {
  return bf16 ? KernelOf<Bf16Unit>(type) : KernelOf<F32Unit>(type);
}

}  // namespace pith
#endif
