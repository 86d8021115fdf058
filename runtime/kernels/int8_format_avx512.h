// What the int8 kernels of AVX-512 share: formats of blocks, 16 rows of weights side by side, and their transposition.
#pragma once
#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kInt8PanelRows = 16;

// Codes are used as unsigned bytes q + kOffset.
template <TensorType kType>
struct Int8Format;
template <>
struct Int8Format<TensorType::kQ8_0> {
  static constexpr int kBytes = sizeof(BlockQ8_0), kOffset = 128;
  static constexpr bool kMin = false;
};
template <>
struct Int8Format<TensorType::kQ4_0> {
  static constexpr int kBytes = sizeof(BlockQ4_0), kOffset = 8;
  static constexpr bool kMin = false;
};
template <>
struct Int8Format<TensorType::kQ4_1> {
  static constexpr int kBytes = sizeof(BlockQ4_1), kOffset = 0;
  static constexpr bool kMin = true;
};

template <>
struct Int8Format<TensorType::kIQ4_NL> {
  static constexpr int kBytes = sizeof(BlockIQ4_NL), kOffset = 128;
  static constexpr bool kMin = false;
};

// The unsigned bytes of 64 nibbles (bits above the fourth are zero).
template <TensorType kType>
inline __m512i CodesOf(__m512i nibbles) {
  if (kType != TensorType::kIQ4_NL) return nibbles;
  const __m128i levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Levels));
  const __m128i codes = _mm_xor_si128(levels, _mm_set1_epi8(static_cast<char>(0x80)));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(codes), nibbles);
}

// Where 16 rows of weights start, also as distances from the first.
struct Int8Rows {
  const uint8_t* at[kInt8PanelRows];
  __m512i distance;
  const uint8_t* next;  // of the 16 rows after these; only prefetched
};

// Rows n to n + 15 of the task; the one before `end` stands in for those from `end` on.
inline Int8Rows RowsFrom(const LinearTask& task, int64_t n, int64_t end) {
  Int8Rows rows;
  alignas(64) int32_t distance[kInt8PanelRows];
  for (int64_t r = 0; r < kInt8PanelRows; ++r) {
    rows.at[r] = task.w + (n + r < end ? n + r : end - 1) * task.row_bytes;
    distance[r] = static_cast<int32_t>(rows.at[r] - rows.at[0]);
  }
  rows.distance = _mm512_load_si512(distance);
  rows.next = rows.at[kInt8PanelRows - 1] + task.row_bytes;
  return rows;
}

// Rows are read side by side, which hardware does not foresee; so each kBytes read ask for as much of the next rows.
template <int kBytes>
inline void PrefetchNext(const Int8Rows& rows, int64_t step) {
  const uint8_t* from = rows.next + step * (kInt8PanelRows * kBytes);
  for (int i = 0; i < kInt8PanelRows * kBytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(from + i), _MM_HINT_T0);
}

// dwords[j] lane r = dword j of the 16 bytes at rows[r] + offset.
inline __attribute__((always_inline)) void Transpose(const uint8_t* const* rows, int64_t offset, __m512i* dwords) {
  __m512i a[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const auto load = [&](int r) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + offset)); };
    a[i] = _mm512_castsi128_si512(load(i));
    a[i] = _mm512_inserti32x4(a[i], load(4 + i), 1);
    a[i] = _mm512_inserti32x4(a[i], load(8 + i), 2);
    a[i] = _mm512_inserti32x4(a[i], load(12 + i), 3);
  }
  const __m512i low01 = _mm512_unpacklo_epi32(a[0], a[1]), high01 = _mm512_unpackhi_epi32(a[0], a[1]);
  const __m512i low23 = _mm512_unpacklo_epi32(a[2], a[3]), high23 = _mm512_unpackhi_epi32(a[2], a[3]);
  dwords[0] = _mm512_unpacklo_epi64(low01, low23);
  dwords[1] = _mm512_unpackhi_epi64(low01, low23);
  dwords[2] = _mm512_unpacklo_epi64(high01, high23);
  dwords[3] = _mm512_unpackhi_epi64(high01, high23);
}

// The f16 in the low halves, as floats.
inline __m512 LowHalves(__m512i dwords) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords)); }

// The first `count` lanes (16 at most) to row m of y, from column n on.
inline void StoreLanes(const LinearTask& task, int64_t m, int64_t n, int64_t count, __m512 sum) {
  if (count <= 0) return;
  const auto mask = static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << count) - 1u);
  float* y = task.y + m * task.y_stride + n;
  __m512 value = _mm512_mul_ps(sum, _mm512_set1_ps(task.scale));
  if (task.accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), value);
  _mm512_mask_storeu_ps(y, mask, value);
}

}  // namespace
}  // namespace pith
#endif
