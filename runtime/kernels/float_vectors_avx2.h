// The small layer of vectors that the float kernels are written over (float_*.h), with AVX2, FMA and F16C: eight floats. Its counterparts are
// float_vectors_avx512.h, _neon.h and _any.h. Sums, differences, products and quotients are the compilers' own operators on these types.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>

#include <cstdint>

#include "runtime/kernels/float_types.h"

namespace pith {
namespace {

using Floats = __m256;
using Ints = __m256i;                        // as many of 32 bits
inline constexpr int64_t kLanes = 8;
inline constexpr int kPanelRows = 8;         // of weights, in products (float_linear.h), and
inline constexpr int kTileSums = 8;          // sums side by side there
inline constexpr int kRegisters = 16;

inline Floats Broadcast(float value) { return _mm256_set1_ps(value); }
inline Ints BroadcastInt(int32_t value) { return _mm256_set1_epi32(value); }
inline Floats Load(const float* at) { return _mm256_loadu_ps(at); }
inline Floats Load(const Half* at) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))); }
inline Floats Load(const Bf16* at) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))), 16));
}
inline void Store(float* at, Floats v) { _mm256_storeu_ps(at, v); }

// The first `left` > 0 of kLanes values, `filler` in lanes that are missing; and stored again.
inline __m256i FirstLanes(int64_t left) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(left)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Floats LoadFirst(const float* at, int64_t left, float filler = 0.0f) {
  if (left >= kLanes) return Load(at);
  const __m256i lanes = FirstLanes(left);
  return _mm256_blendv_ps(Broadcast(filler), _mm256_maskload_ps(at, lanes), _mm256_castsi256_ps(lanes));
}
inline void StoreFirst(float* at, int64_t left, Floats v) {
  if (left >= kLanes) return Store(at, v);
  _mm256_maskstore_ps(at, FirstLanes(left), v);
}

inline Floats MultiplyAdd(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }           // a · b + c, rounded once
inline Floats NegativeMultiplyAdd(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }  // c − a · b, so too
inline Floats Max(Floats a, Floats b) { return _mm256_max_ps(a, b); }  // NaN where b is
inline Floats Round(Floats v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }  // halves to even
inline Floats IfLess(Floats a, Floats b, Floats then, Floats otherwise) {
  return _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
// v · 2^n for whole n between −252 and 254, in two steps, so that neither factor leaves the range of floats.
inline Floats TimesPowerOfTwo(Floats v, Floats n) {
  const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
  const auto power = [](__m256i e) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23)); };
  return v * power(half) * power(_mm256_sub_epi32(whole, half));
}

// Of all lanes. The order of the sum: each half onto the other, until one lane is left.
inline float Sum(Floats v) {
  __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  quarter = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}
inline float Largest(Floats v) {
  __m128 quarter = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  quarter = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
}
// Lane i: Sum(v[i]), of kLanes vectors.
inline Floats SumsOf(const Floats* v) {
  __m256 half[4], quarter[2];
  for (int i = 0; i < 4; ++i) half[i] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x20) + _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
  for (int i = 0; i < 2; ++i) quarter[i] = _mm256_unpacklo_ps(half[i], half[i + 2]) + _mm256_unpackhi_ps(half[i], half[i + 2]);
  return _mm256_unpacklo_ps(quarter[0], quarter[1]) + _mm256_unpackhi_ps(quarter[0], quarter[1]);
}

// a b a b … in memory, apart in registers.
inline void LoadPairs(const float* at, Floats* a, Floats* b) {
  const __m256 low = Load(at), high = Load(at + 8);
  const __m256 first = _mm256_permute2f128_ps(low, high, 0x20), second = _mm256_permute2f128_ps(low, high, 0x31);
  *a = _mm256_shuffle_ps(first, second, 0x88);
  *b = _mm256_shuffle_ps(first, second, 0xdd);
}
inline void StorePairs(float* at, Floats a, Floats b) {
  const __m256 first = _mm256_unpacklo_ps(a, b), second = _mm256_unpackhi_ps(a, b);
  Store(at, _mm256_permute2f128_ps(first, second, 0x20));
  Store(at + 8, _mm256_permute2f128_ps(first, second, 0x31));
}

// |v| as integers: ordered as the floats are, with NaN above all.
inline Ints AbsoluteBits(Floats v) { return _mm256_castps_si256(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), v)); }
inline Ints MaxUnsigned(Ints a, Ints b) { return _mm256_max_epu32(a, b); }
inline uint32_t LargestUnsigned(Ints v) {
  __m128i four = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1))));
}
inline Ints ToInts(Floats v) { return _mm256_cvtps_epi32(v); }  // rounded to nearest, halves to even
inline Floats ToFloats(Ints v) { return _mm256_cvtepi32_ps(v); }
// Thirty-two of them as bytes that hold them all; the sum of sixteen.
inline void StoreBytes(int8_t* at, const Ints* v) {
  const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // undoes the packs' interleaving of halves
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm256_permutevar8x32_epi32(packed, order));
}
inline int32_t SumOfSixteen(const Ints* v) {
  const __m256i both = _mm256_add_epi32(v[0], v[1]);
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

// To the nearest bf16, halves to even, as floats; NaN stays NaN.
inline Floats RoundToBf16(Floats v) {
  const __m256i bits = _mm256_castps_si256(v), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256 kept = _mm256_castsi256_ps(_mm256_and_si256(rounded, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  return _mm256_blendv_ps(kept, v, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

inline void Store(Bf16* at, Floats v) {
  const __m256i upper = _mm256_srli_epi32(_mm256_castps_si256(RoundToBf16(v)), 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(upper, upper), 0x08)));
}

// Sixteen bytes of codes (float_blocks.h).
using Bytes = __m128i;
inline Bytes LoadBytes(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }
inline void WidenBytes(Bytes v, Floats* out) {
  out[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v));
  out[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)));
}
// d · levels[nibble] + add, of the low nibbles of sixteen bytes, then of the high ones.
inline void ScaleNibbles(Bytes q, const int8_t* levels, Floats d, Floats add, Floats* out) {
  const __m128i table = LoadBytes(levels), mask = _mm_set1_epi8(15);
  const __m128i low = _mm_and_si128(q, mask), high = _mm_and_si128(_mm_srli_epi16(q, 4), mask);
  const bool plain = levels == kPlainLevels;  // known when this is compiled
  WidenBytes(plain ? low : _mm_shuffle_epi8(table, low), out);
  WidenBytes(plain ? high : _mm_shuffle_epi8(table, high), out + 2);
  for (int i = 0; i < 4; ++i) out[i] = MultiplyAdd(d, out[i], add);
}
inline Floats BroadcastHalf(const uint8_t* at) {
  uint16_t half;
  __builtin_memcpy(&half, at, 2);
  return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<int16_t>(half)));
}

}  // namespace
}  // namespace pith
#endif
