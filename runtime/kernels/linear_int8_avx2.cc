// kInt8 with AVX2: the plan and formula of linear_int8_avx512.cc with 8 rows of W in a panel. Products of bytes are summed
// in pairs of 16 bits by maddubs; 4-bit codes leave room to add the eight of a block before widening (8 · 2 · 15 · 127 =
// 30480 < 2^15).
#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kPanelRows = 8;

template <TensorType kType>
struct Format;
template <>
struct Format<TensorType::kQ8_0> {
  static constexpr int kBytes = sizeof(BlockQ8_0), kOffset = 0;
  static constexpr bool kMin = false, kSigned = true;
};
template <>
struct Format<TensorType::kQ4_0> {
  static constexpr int kBytes = sizeof(BlockQ4_0), kOffset = 8;
  static constexpr bool kMin = false, kSigned = false;
};
template <>
struct Format<TensorType::kQ4_1> {
  static constexpr int kBytes = sizeof(BlockQ4_1), kOffset = 0;
  static constexpr bool kMin = true, kSigned = false;
};

template <>
struct Format<TensorType::kIQ4_NL> {
  static constexpr int kBytes = sizeof(BlockIQ4_NL), kOffset = 0;
  static constexpr bool kMin = false, kSigned = true;
};

struct Panel {
  uint8_t* q;       // [blocks][8][8 rows][4 k]; Q8_0 and IQ4_NL signed, Q4 codes unsigned
  float *d, *min;   // [blocks][8]
  static constexpr int64_t kBlockBytes = kPanelRows * kBlockSize;
  Panel(uint8_t* memory, int64_t blocks)
      : q(memory),
        d(reinterpret_cast<float*>(memory + blocks * kBlockBytes)),
        min(reinterpret_cast<float*>(memory + blocks * (kBlockBytes + 32))) {}
};

inline __m256i* At(uint8_t* p) { return reinterpret_cast<__m256i*>(p); }

// dwords[j] lane r = dword j of the 16 bytes at rows[r] + offset.
inline void Transpose(const uint8_t* const* rows, int64_t offset, __m256i* dwords) {
  __m256i a[4];
  for (int i = 0; i < 4; ++i) {
    const auto load = [&](int r) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + offset)); };
    a[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(load(i)), load(4 + i), 1);
  }
  const __m256i low01 = _mm256_unpacklo_epi32(a[0], a[1]), high01 = _mm256_unpackhi_epi32(a[0], a[1]);
  const __m256i low23 = _mm256_unpacklo_epi32(a[2], a[3]), high23 = _mm256_unpackhi_epi32(a[2], a[3]);
  dwords[0] = _mm256_unpacklo_epi64(low01, low23);
  dwords[1] = _mm256_unpackhi_epi64(low01, low23);
  dwords[2] = _mm256_unpacklo_epi64(high01, high23);
  dwords[3] = _mm256_unpackhi_epi64(high01, high23);
}

inline __m256 Scales(const uint8_t* const* rows, int64_t offset) {
  alignas(16) uint16_t halves[kPanelRows];
  for (int r = 0; r < kPanelRows; ++r) __builtin_memcpy(&halves[r], rows[r] + offset, 2);
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(halves)));
}

template <TensorType kType>
inline __m256i CodesOf(__m256i nibbles) {
  if (kType != TensorType::kIQ4_NL) return nibbles;
  const __m128i levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Levels));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(levels), nibbles);
}

template <TensorType kType>
inline void UnpackBlock(const uint8_t* const* rows, int64_t b, const Panel& panel) {
  using F = Format<kType>;
  const int64_t offset = b * F::kBytes;
  uint8_t* q = panel.q + b * Panel::kBlockBytes;
  _mm256_storeu_ps(panel.d + b * kPanelRows, Scales(rows, offset));
  __m256i dwords[4];
  if (kType == TensorType::kQ8_0) {
    for (int half = 0; half < 2; ++half) {
      Transpose(rows, offset + 2 + half * 16, dwords);
      for (int j = 0; j < 4; ++j) _mm256_storeu_si256(At(q + (half * 4 + j) * 32), dwords[j]);
    }
  } else {
    if (F::kMin) _mm256_storeu_ps(panel.min + b * kPanelRows, Scales(rows, offset + 2));
    Transpose(rows, offset + (F::kMin ? 4 : 2), dwords);
    const __m256i low = _mm256_set1_epi8(15);
    for (int j = 0; j < 4; ++j) {
      _mm256_storeu_si256(At(q + j * 32), CodesOf<kType>(_mm256_and_si256(dwords[j], low)));
      _mm256_storeu_si256(At(q + (j + 4) * 32), CodesOf<kType>(_mm256_and_si256(_mm256_srli_epi32(dwords[j], 4), low)));
    }
  }
}

template <TensorType kType, int kM>
void Tile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, const Panel& panel) {
  using F = Format<kType>;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256 sum[kM];
  for (int m = 0; m < kM; ++m) sum[m] = _mm256_setzero_ps();
  for (int64_t b = 0; b < x.blocks; ++b) {
    const int8_t* q = x.q + m0 * x.padded + b * kBlockSize;
    __m256i dot[kM];  // of 16 bits for 4-bit codes, else of 32
    for (int m = 0; m < kM; ++m) dot[m] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      const __m256i w = _mm256_loadu_si256(At(panel.q + b * Panel::kBlockBytes + j * 32));
      const __m256i magnitude = _mm256_abs_epi8(w);
      for (int m = 0; m < kM; ++m) {
        int32_t four;
        __builtin_memcpy(&four, q + m * x.padded + j * 4, 4);
        const __m256i values = _mm256_set1_epi32(four);
        if (F::kSigned) {  // 128 · 127 · 2 fits in 16 bits: codes of x are never −128
          const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(values, w));
          dot[m] = _mm256_add_epi32(dot[m], _mm256_madd_epi16(pairs, ones));
        } else {
          dot[m] = _mm256_add_epi16(dot[m], _mm256_maddubs_epi16(w, values));
        }
      }
    }
    const __m256 d = _mm256_loadu_ps(panel.d + b * kPanelRows);
    for (int m = 0; m < kM; ++m) {
      const int64_t at = (m0 + m) * x.blocks + b;
      __m256i whole = F::kSigned ? dot[m] : _mm256_madd_epi16(dot[m], ones);
      if (F::kOffset != 0) whole = _mm256_sub_epi32(whole, _mm256_set1_epi32(F::kOffset * x.sum[at]));
      const __m256 scale = _mm256_mul_ps(d, _mm256_set1_ps(x.d[at]));
      sum[m] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(whole), sum[m]);
      if (F::kMin) {
        sum[m] = _mm256_fmadd_ps(_mm256_loadu_ps(panel.min + b * kPanelRows), _mm256_set1_ps(x.d_sum[at]), sum[m]);
      }
    }
  }
  for (int m = 0; m < kM; ++m) {
    float sums[kPanelRows];
    _mm256_storeu_ps(sums, sum[m]);
    float* y = task.y + (m0 + m) * task.y_stride + n;
    for (int64_t r = 0; r < count; ++r) y[r] = (task.accumulate ? y[r] : 0.0f) + task.scale * sums[r];
  }
}

template <TensorType kType>
void Int8Kernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  const Panel panel(scratch, x.blocks);
  for (int64_t n = begin; n < end; n += kPanelRows) {
    const int64_t count = end - n < kPanelRows ? end - n : kPanelRows;
    const uint8_t* rows[kPanelRows];
    for (int64_t r = 0; r < kPanelRows; ++r) {  // the last row fills the panel up
      rows[r] = task.w + (n + (r < count ? r : count - 1)) * task.row_bytes;
    }
    for (int64_t b = 0; b < x.blocks; ++b) UnpackBlock<kType>(rows, b, panel);
    InGroups<4>(x.m, [&](auto rows, int64_t m) { Tile<kType, rows.value>(x, task, m, n, count, panel); });
  }
}

}  // namespace

LinearKernel Avx2LinearKernel(TensorType type, ActivationType precision) {
  if (precision != ActivationType::kInt8) return Avx2FloatKernel(type, precision == ActivationType::kBF16);
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
