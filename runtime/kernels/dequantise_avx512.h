// Thirty-two consecutive weights of a row in registers, as floats or as bf16. Only for files compiled for AVX-512.
//
// Every product d·q (+ m) is exact in float before the last rounding (f16 times at most 8 bits), so fused and separate
// multiply-adds agree with the reference Dequantise() to the bit.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/tensor_type.h"

namespace pith {
namespace {

inline __m512 BroadcastF16(const uint8_t* at) {
  uint16_t half;
  __builtin_memcpy(&half, at, 2);
  return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<int16_t>(half)));
}

inline __m512i ToBf16(__m512 low, __m512 high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

// The 32 codes of a 4-bit block as 16-bit words in the order of k. Bits above the fourth are not cleared in words 0..15.
inline __m512i NibbleWords(const uint8_t* q) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(q));
  const __m512i words = _mm512_cvtepu8_epi16(_mm256_broadcastsi128_si256(bytes));
  const __m512i shifts = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(4), 1);
  return _mm512_srlv_epi16(words, shifts);
}

inline __m512 Levels(float first) {
  const __m512 ramp = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_add_ps(ramp, _mm512_set1_ps(first));
}

inline void NibbleFloats(const uint8_t* q, __m512 levels, __m512* low, __m512* high) {
  const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q)));
  *low = _mm512_permutexvar_ps(bytes, levels);  // looks at the low four bits alone
  *high = _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), levels);
}

// kType's block at `at`.
template <TensorType kType>
struct Block32;

template <>
struct Block32<TensorType::kQ4_1> {
  static constexpr int kBytes = sizeof(BlockQ4_1);
  static __m512 Table(const uint8_t* at) { return _mm512_fmadd_ps(Levels(0), BroadcastF16(at), BroadcastF16(at + 2)); }
  static void Floats(const uint8_t* at, __m512* low, __m512* high) { NibbleFloats(at + 4, Table(at), low, high); }
  // The sixteen possible values are rounded once and looked up; they stand in the table twice, so that the fifth bit of an
  // index does not matter.
  static __m512i Bf16(const uint8_t* at) {
    const __m512 table = Table(at);
    return _mm512_permutexvar_epi16(NibbleWords(at + 4), ToBf16(table, table));
  }
};

template <>
struct Block32<TensorType::kQ4_0> {
  static constexpr int kBytes = sizeof(BlockQ4_0);
  static __m512 Table(const uint8_t* at) { return _mm512_mul_ps(Levels(-8), BroadcastF16(at)); }
  static void Floats(const uint8_t* at, __m512* low, __m512* high) { NibbleFloats(at + 2, Table(at), low, high); }
  static __m512i Bf16(const uint8_t* at) {
    const __m512 table = Table(at);
    return _mm512_permutexvar_epi16(NibbleWords(at + 2), ToBf16(table, table));
  }
};

template <>
struct Block32<TensorType::kIQ4_NL> {
  static constexpr int kBytes = sizeof(BlockIQ4_NL);
  static __m512 Table(const uint8_t* at) {
    const __m128i levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Levels));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(levels)), BroadcastF16(at));
  }
  static void Floats(const uint8_t* at, __m512* low, __m512* high) { NibbleFloats(at + 2, Table(at), low, high); }
  static __m512i Bf16(const uint8_t* at) {
    const __m512 table = Table(at);
    return _mm512_permutexvar_epi16(NibbleWords(at + 2), ToBf16(table, table));
  }
};

// The types below need two float registers, then round.
template <class Block>
struct RoundedBlock {
  static __m512i Bf16(const uint8_t* at) {
    __m512 low, high;
    Block::Floats(at, &low, &high);
    return ToBf16(low, high);
  }
};

template <>
struct Block32<TensorType::kQ8_0> : RoundedBlock<Block32<TensorType::kQ8_0>> {
  static constexpr int kBytes = sizeof(BlockQ8_0);
  static void Floats(const uint8_t* at, __m512* low, __m512* high) {
    const __m512 d = BroadcastF16(at);
    const __m512i q_low = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 2)));
    const __m512i q_high = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 18)));
    *low = _mm512_mul_ps(d, _mm512_cvtepi32_ps(q_low));
    *high = _mm512_mul_ps(d, _mm512_cvtepi32_ps(q_high));
  }
};

template <>
struct Block32<TensorType::kF16> : RoundedBlock<Block32<TensorType::kF16>> {
  static constexpr int kBytes = 64;
  static void Floats(const uint8_t* at, __m512* low, __m512* high) {
    *low = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    *high = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32)));
  }
};

template <>
struct Block32<TensorType::kBF16> {
  static constexpr int kBytes = 64;
  static __m512 Widen(const uint8_t* at) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
  static void Floats(const uint8_t* at, __m512* low, __m512* high) {
    *low = Widen(at);
    *high = Widen(at + 32);
  }
  static __m512i Bf16(const uint8_t* at) { return _mm512_loadu_si512(at); }
};

template <>
struct Block32<TensorType::kF32> : RoundedBlock<Block32<TensorType::kF32>> {
  static constexpr int kBytes = 128;
  static void Floats(const uint8_t* at, __m512* low, __m512* high) {
    *low = _mm512_loadu_ps(at);
    *high = _mm512_loadu_ps(at + 64);
  }
};

}  // namespace
}  // namespace pith
