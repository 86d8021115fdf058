// kInt8 with AVX-512 VNNI: 16 rows of weights at a time are unpacked to a panel of unsigned bytes in which one register
// holds four consecutive k of each of the 16 rows; lanes of an accumulator are rows of W.
//
//   y[m][n] = Σ_b (d_w[n][b] · d_x[m][b]) · Σ_k q_w q_x + m_w[n][b] · (d_x Σ_k q_x)[m][b]
//
// Inner sums are integers and exact; the outer one runs in the order of blocks within one lane. Nothing depends on M.
#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_format_avx512.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kPanelRows = kInt8PanelRows;

struct Panel {
  uint8_t* q;       // [blocks][8][16 rows][4 k]
  float *d, *min;   // [blocks][16]
  static constexpr int64_t kBlockBytes = kPanelRows * kBlockSize;
  static int64_t Bytes(int64_t blocks) { return blocks * (kBlockBytes + 128); }
  Panel(uint8_t* memory, int64_t blocks)
      : q(memory),
        d(reinterpret_cast<float*>(memory + blocks * kBlockBytes)),
        min(reinterpret_cast<float*>(memory + blocks * (kBlockBytes + 64))) {}
};

template <TensorType kType>
inline void StoreNibbles(const __m512i* dwords, uint8_t* q) {
  const __m512i low = _mm512_set1_epi8(15);
  for (int j = 0; j < 4; ++j) {
    _mm512_store_si512(q + j * 64, CodesOf<kType>(_mm512_and_si512(dwords[j], low)));
    _mm512_store_si512(q + (j + 4) * 64, CodesOf<kType>(_mm512_and_si512(_mm512_srli_epi32(dwords[j], 4), low)));
  }
}

template <TensorType kType>
inline void UnpackBlock(const Int8Rows& rows, int64_t b, const Panel& panel) {
  using F = Int8Format<kType>;
  const int64_t offset = b * F::kBytes;
  uint8_t* q = panel.q + b * Panel::kBlockBytes;
  // The first dword of a block holds d and, for Q4_1, m.
  const __m512i first = _mm512_i32gather_epi32(rows.distance, rows.at[0] + offset, 1);
  _mm512_store_ps(panel.d + b * 16, LowHalves(first));
  PrefetchNext<F::kBytes>(rows, b);
  __m512i dwords[4];
  if (kType == TensorType::kQ8_0) {
    for (int half = 0; half < 2; ++half) {
      Transpose(rows.at, offset + 2 + half * 16, dwords);
      for (int j = 0; j < 4; ++j) {
        const __m512i shifted = _mm512_xor_si512(dwords[j], _mm512_set1_epi8(static_cast<char>(0x80)));
        _mm512_store_si512(q + (half * 4 + j) * 64, shifted);
      }
    }
  } else {
    if (F::kMin) _mm512_store_ps(panel.min + b * 16, LowHalves(_mm512_srli_epi32(first, 16)));
    Transpose(rows.at, offset + (F::kMin ? 4 : 2), dwords);
    StoreNibbles<kType>(dwords, q);
  }
}

// Four Q4_1 blocks are 20 dwords: five transposes give scales and codes.
inline void UnpackFourQ4_1(const Int8Rows& rows, int64_t b, const Panel& panel) {
  __m512i dwords[20];
#pragma GCC unroll 5
  for (int i = 0; i < 5; ++i) Transpose(rows.at, b * static_cast<int64_t>(sizeof(BlockQ4_1)) + i * 16, dwords + 4 * i);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm512_store_ps(panel.d + (b + i) * 16, LowHalves(dwords[5 * i]));
    _mm512_store_ps(panel.min + (b + i) * 16, LowHalves(_mm512_srli_epi32(dwords[5 * i], 16)));
    PrefetchNext<sizeof(BlockQ4_1)>(rows, b + i);
    StoreNibbles<TensorType::kQ4_1>(dwords + 5 * i + 1, panel.q + (b + i) * Panel::kBlockBytes);
  }
}

template <TensorType kType>
void UnpackPanel(const Int8Rows& rows, int64_t blocks, const Panel& panel) {
  int64_t b = 0;
  if (kType == TensorType::kQ4_1) {
    for (; b + 4 <= blocks; b += 4) UnpackFourQ4_1(rows, b, panel);
  }
  for (; b < blocks; ++b) UnpackBlock<kType>(rows, b, panel);
}

// kM rows of x against kP panels.
template <TensorType kType, int kM, int kP>
void Tile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, const Panel* panels) {
  using F = Int8Format<kType>;
  __m512 sum[kM][kP];
  for (int m = 0; m < kM; ++m) {
    for (int p = 0; p < kP; ++p) sum[m][p] = _mm512_setzero_ps();
  }
  for (int64_t b = 0; b < x.blocks; ++b) {
    const int8_t* q = x.q + m0 * x.padded + b * kBlockSize;
    __m512i dot[kM][kP];
    for (int m = 0; m < kM; ++m) {
      const int32_t start = F::kOffset == 0 ? 0 : -F::kOffset * x.sum[(m0 + m) * x.blocks + b];
      for (int p = 0; p < kP; ++p) dot[m][p] = _mm512_set1_epi32(start);
    }
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      __m512i w[kP];
      for (int p = 0; p < kP; ++p) w[p] = _mm512_load_si512(panels[p].q + b * Panel::kBlockBytes + j * 64);
      for (int m = 0; m < kM; ++m) {
        int32_t four;
        __builtin_memcpy(&four, q + m * x.padded + j * 4, 4);
        for (int p = 0; p < kP; ++p) dot[m][p] = _mm512_dpbusd_epi32(dot[m][p], w[p], _mm512_set1_epi32(four));
      }
    }
    for (int p = 0; p < kP; ++p) {
      const __m512 d = _mm512_load_ps(panels[p].d + b * 16);
      for (int m = 0; m < kM; ++m) {
        const __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(x.d[(m0 + m) * x.blocks + b]));
        sum[m][p] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(dot[m][p]), sum[m][p]);
        if (F::kMin) {
          const __m512 min = _mm512_load_ps(panels[p].min + b * 16);
          sum[m][p] = _mm512_fmadd_ps(min, _mm512_set1_ps(x.d_sum[(m0 + m) * x.blocks + b]), sum[m][p]);
        }
      }
    }
  }
  for (int m = 0; m < kM; ++m) {
    for (int p = 0; p < kP; ++p) StoreLanes(task, m0 + m, n + p * kPanelRows, count - p * kPanelRows, sum[m][p]);
  }
}

template <TensorType kType, int kP>
void Panels(const RowsView& x, const LinearTask& task, int64_t n, int64_t count, const Panel* panels) {
  InGroups<4>(x.m, [&](auto rows, int64_t m) { Tile<kType, rows.value, kP>(x, task, m, n, count, panels); });
}

template <TensorType kType>
void Int8Kernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  if (x.m <= kFewRows) return Avx512FewRowsKernel(kType)(x, task, begin, end, scratch);
  const Panel panels[2] = {Panel(scratch, x.blocks), Panel(scratch + Panel::Bytes(x.blocks), x.blocks)};
  for (int64_t n = begin; n < end; n += 2 * kPanelRows) {
    const int64_t count = end - n;
    const int num_panels = count > kPanelRows ? 2 : 1;
    for (int p = 0; p < num_panels; ++p) {
      const Int8Rows rows = RowsFrom(task, n + p * kPanelRows, end);
      UnpackPanel<kType>(rows, x.blocks, panels[p]);
    }
    if (num_panels == 2) {
      Panels<kType, 2>(x, task, n, count, panels);
    } else {
      Panels<kType, 1>(x, task, n, count, panels);
    }
  }
}

}  // namespace

LinearKernel Avx512LinearKernel(TensorType type, ActivationType precision) {
  if (precision != ActivationType::kInt8) return Avx512FloatKernel(type, precision == ActivationType::kBF16);
  switch (type) {
    case TensorType::kQ8_0: return Int8Kernel<TensorType::kQ8_0>;
    case TensorType::kQ4_0: return Int8Kernel<TensorType::kQ4_0>;
    case TensorType::kQ4_1: return Int8Kernel<TensorType::kQ4_1>;
    case TensorType::kIQ4_NL: return Int8Kernel<TensorType::kIQ4_NL>;
    default: return nullptr;
  }
}

}  // namespace pith
#endif
