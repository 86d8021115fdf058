// kInt8 with AVX-512 VNNI for a few rows of x, as in decoding: 16 rows of weights go from the file through registers into
// dot products, without the panel in memory that pays off for many rows (linear_int8_avx512.cc). Results are bitwise those
// of the panel: integer sums are exact in any order, and blocks are added in the same order by the same operations.
//
// 16 bytes of each of 16 rows are transposed to four registers ("dwords"), lane r of which holds four bytes of row r. Blocks
// of Q4_0 and Q8_0 have 18 and 34 bytes, so every second one begins in the middle of a dword: the first two codes of an even
// block and its last two then share one dword, which meets the same four values of x.
#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_format_avx512.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

template <TensorType kType, int kM>
struct Few {
  using F = Int8Format<kType>;
  static constexpr bool k4Bit = kType != TensorType::kQ8_0;
  static constexpr int kHead = F::kBytes - (k4Bit ? 16 : 32);  // bytes of scales
  static constexpr int kCodeBytes = F::kBytes - kHead;

  const RowsView& x;
  int64_t m0;
  __m512 sum[kM];

  // Four codes of 16 rows times the values of x they belong to: `low` is where x's codes for (the low nibbles of) bytes
  // 0 and 1 lie in the block, `high` those for bytes 2 and 3.
  inline __attribute__((always_inline)) void Multiply(__m512i codes, int64_t block, int low, int high, __m512i* dot) const {
    const auto four = [&](int m, int nibble) {
      const int8_t* q = x.q + (m0 + m) * x.padded + block * kBlockSize + nibble * 16;
      int32_t value;
      if (high == low + 2) {
        __builtin_memcpy(&value, q + low, 4);
      } else {
        uint16_t first, second;
        __builtin_memcpy(&first, q + low, 2);
        __builtin_memcpy(&second, q + high, 2);
        value = static_cast<int32_t>(first | uint32_t{second} << 16);
      }
      return _mm512_set1_epi32(value);
    };
    if (k4Bit) {
      const __m512i mask = _mm512_set1_epi8(15);
      const __m512i low_nibbles = CodesOf<kType>(_mm512_and_si512(codes, mask));
      const __m512i high_nibbles = CodesOf<kType>(_mm512_and_si512(_mm512_srli_epi32(codes, 4), mask));
      for (int m = 0; m < kM; ++m) dot[m] = _mm512_dpbusd_epi32(dot[m], low_nibbles, four(m, 0));
      for (int m = 0; m < kM; ++m) dot[m] = _mm512_dpbusd_epi32(dot[m], high_nibbles, four(m, 1));
    } else {
      const __m512i shifted = _mm512_xor_si512(codes, _mm512_set1_epi8(static_cast<char>(0x80)));
      for (int m = 0; m < kM; ++m) dot[m] = _mm512_dpbusd_epi32(dot[m], shifted, four(m, 0));
    }
  }

  inline __attribute__((always_inline)) void Begin(int64_t block, __m512i* dot) const {
    for (int m = 0; m < kM; ++m) {
      dot[m] = _mm512_set1_epi32(F::kOffset == 0 ? 0 : -F::kOffset * x.sum[(m0 + m) * x.blocks + block]);
    }
  }

  // `head`: the scale in the low half of each lane, the minimum in the high half.
  inline __attribute__((always_inline)) void Finish(int64_t block, __m512i head, const __m512i* dot) {
    const __m512 d = LowHalves(head);
    for (int m = 0; m < kM; ++m) {
      const __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(x.d[(m0 + m) * x.blocks + block]));
      sum[m] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(dot[m]), sum[m]);
    }
    if (!F::kMin) return;
    const __m512 min = LowHalves(_mm512_srli_epi32(head, 16));
    for (int m = 0; m < kM; ++m) {
      sum[m] = _mm512_fmadd_ps(min, _mm512_set1_ps(x.d_sum[(m0 + m) * x.blocks + block]), sum[m]);
    }
  }

  // kBlocks blocks from `block` on; together their bytes are a multiple of four.
  template <int kBlocks>
  inline __attribute__((always_inline)) void Blocks(const Int8Rows& rows, int64_t block) {
    constexpr int kBytes = kBlocks * F::kBytes, kChunks = (kBytes + 15) / 16;
    static_assert(kBytes % 4 == 0 && kBytes >= 16);
    const int64_t offset = block * F::kBytes;
    __m512i dwords[4], head = _mm512_setzero_si512(), start = head, dot[kM];
#pragma GCC unroll 16
    for (int c = 0; c < kChunks; ++c) {
      const int at = c + 1 < kChunks ? 16 * c : kBytes - 16;  // the last chunk overlaps the one before
      Transpose(rows.at, offset + at, dwords);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const int byte = at + 4 * j;
        if (byte < 16 * c) continue;
        const int b = byte / F::kBytes, within = byte % F::kBytes;
        if (within == 0) {
          head = start = dwords[j];
          Begin(block + b, dot);
          continue;
        }
        if (within + 4 <= F::kBytes) {
          Multiply(dwords[j], block + b, within - kHead, within - kHead + 2, dot);
          if (within + 4 == F::kBytes) Finish(block + b, head, dot);
          continue;
        }
        // The end of an even block and the head of an odd one.
        Multiply(_mm512_mask_blend_epi16(0xaaaaaaaau, dwords[j], start), block + b, kCodeBytes - 2, 0, dot);
        Finish(block + b, head, dot);
        head = _mm512_srli_epi32(dwords[j], 16);
        Begin(block + b + 1, dot);
      }
    }
  }

  inline __attribute__((always_inline)) void OneBlock(const Int8Rows& rows, int64_t block) {
    const int64_t offset = block * F::kBytes;
    __m512i dwords[4], dot[kM];
    Begin(block, dot);
#pragma GCC unroll 2
    for (int c = 0; c < kCodeBytes / 16; ++c) {
      Transpose(rows.at, offset + kHead + 16 * c, dwords);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) Multiply(dwords[j], block, 16 * c + 4 * j, 16 * c + 4 * j + 2, dot);
    }
    Finish(block, _mm512_i32gather_epi32(rows.distance, rows.at[0] + offset, 1), dot);
  }

  void Rows(const Int8Rows& rows) {
    for (int m = 0; m < kM; ++m) sum[m] = _mm512_setzero_ps();
    int64_t b = 0;
    for (; b + 4 <= x.blocks; b += 4) {
      PrefetchNext<4 * F::kBytes>(rows, b / 4);
      Blocks<4>(rows, b);
    }
    if (b + 2 <= x.blocks) {
      PrefetchNext<2 * F::kBytes>(rows, b / 2);
      Blocks<2>(rows, b);
      b += 2;
    }
    if (b < x.blocks) OneBlock(rows, b);
  }
};

template <TensorType kType, int kM>
void FewRows(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, const Int8Rows& rows) {
  Few<kType, kM> few{x, m0, {}};
  few.Rows(rows);
  for (int m = 0; m < kM; ++m) StoreLanes(task, m0 + m, n, count, few.sum[m]);
}

template <TensorType kType>
void FewKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t*) {
  for (int64_t n = begin; n < end; n += kInt8PanelRows) {
    const Int8Rows rows = RowsFrom(task, n, end);
    InOneGroup<kFewRows>(x.m, 0, [&](auto some, int64_t) { FewRows<kType, some.value>(x, task, 0, n, end - n, rows); });
  }
}

}  // namespace

LinearKernel Avx512FewRowsKernel(TensorType type) {
  switch (type) {
    case TensorType::kQ8_0: return FewKernel<TensorType::kQ8_0>;
    case TensorType::kQ4_0: return FewKernel<TensorType::kQ4_0>;
    case TensorType::kQ4_1: return FewKernel<TensorType::kQ4_1>;
    case TensorType::kIQ4_NL: return FewKernel<TensorType::kIQ4_NL>;
    default: return nullptr;
  }
}

}  // namespace pith
#endif
