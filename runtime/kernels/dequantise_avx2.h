// Thirty-two consecutive weights of a row as floats in four registers. Only for files compiled for AVX2.
// Bitwise the reference Dequantise(): every d·q is exact, so one rounding is left at most.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/tensor_type.h"

namespace pith {
namespace {

inline __m256 BroadcastF16(const uint8_t* at) {
  uint16_t half;
  __builtin_memcpy(&half, at, 2);
  return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<int16_t>(half)));
}

inline __m128i Load16(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

// out = d · code + add, eight codes from each half of two registers of bytes.
inline void Scale(__m128i low, __m128i high, __m256 d, __m256 add, __m256* out) {
  const __m128i parts[4] = {low, _mm_srli_si128(low, 8), high, _mm_srli_si128(high, 8)};
  for (int i = 0; i < 4; ++i) out[i] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(parts[i])), add);
}

template <TensorType kType>
struct Block32;

template <>
struct Block32<TensorType::kQ4_1> {
  static constexpr int kBytes = sizeof(BlockQ4_1);
  static void Floats(const uint8_t* at, __m256* out) {
    const __m128i q = Load16(at + 4), mask = _mm_set1_epi8(15);
    Scale(_mm_and_si128(q, mask), _mm_and_si128(_mm_srli_epi16(q, 4), mask), BroadcastF16(at), BroadcastF16(at + 2), out);
  }
};

template <>
struct Block32<TensorType::kQ4_0> {
  static constexpr int kBytes = sizeof(BlockQ4_0);
  static void Floats(const uint8_t* at, __m256* out) {
    const __m128i q = Load16(at + 2), mask = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
    Scale(_mm_sub_epi8(_mm_and_si128(q, mask), eight), _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(q, 4), mask), eight),
          BroadcastF16(at), _mm256_setzero_ps(), out);
  }
};

template <>
struct Block32<TensorType::kIQ4_NL> {
  static constexpr int kBytes = sizeof(BlockIQ4_NL);
  static void Floats(const uint8_t* at, __m256* out) {
    const __m128i q = Load16(at + 2), mask = _mm_set1_epi8(15);
    const __m128i levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Levels));
    Scale(_mm_shuffle_epi8(levels, _mm_and_si128(q, mask)), _mm_shuffle_epi8(levels, _mm_and_si128(_mm_srli_epi16(q, 4), mask)),
          BroadcastF16(at), _mm256_setzero_ps(), out);
  }
};

template <>
struct Block32<TensorType::kQ8_0> {
  static constexpr int kBytes = sizeof(BlockQ8_0);
  static void Floats(const uint8_t* at, __m256* out) {
    Scale(Load16(at + 2), Load16(at + 18), BroadcastF16(at), _mm256_setzero_ps(), out);
  }
};

template <>
struct Block32<TensorType::kF16> {
  static constexpr int kBytes = 64;
  static void Floats(const uint8_t* at, __m256* out) {
    for (int i = 0; i < 4; ++i) out[i] = _mm256_cvtph_ps(Load16(at + 16 * i));
  }
};

template <>
struct Block32<TensorType::kBF16> {
  static constexpr int kBytes = 64;
  static void Floats(const uint8_t* at, __m256* out) {
    for (int i = 0; i < 4; ++i) {
      out[i] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(Load16(at + 16 * i)), 16));
    }
  }
};

template <>
struct Block32<TensorType::kF32> {
  static constexpr int kBytes = 128;
  static void Floats(const uint8_t* at, __m256* out) {
    for (int i = 0; i < 4; ++i) out[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(at) + 8 * i);
  }
};

// To the nearest bf16, halves to even; NaN stays NaN.
inline __m256 RoundToBf16(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256 kept = _mm256_castsi256_ps(_mm256_and_si256(rounded, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  return _mm256_blendv_ps(kept, v, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

}  // namespace
}  // namespace pith
