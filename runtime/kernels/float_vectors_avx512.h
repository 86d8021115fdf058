// The layer of float_vectors_avx2.h, which says what each function does, with AVX-512: sixteen floats.
#pragma once
#if defined(__AVX512F__)
#include <immintrin.h>

#include <cstdint>

#include "runtime/kernels/float_types.h"

namespace pith {
namespace {

using Floats = __m512;
using Ints = __m512i;
inline constexpr int64_t kLanes = 16;
inline constexpr int kPanelRows = 16, kTileSums = 16, kRegisters = 32;

inline Floats Broadcast(float value) { return _mm512_set1_ps(value); }
inline Ints BroadcastInt(int32_t value) { return _mm512_set1_epi32(value); }
inline Floats Load(const float* at) { return _mm512_loadu_ps(at); }
inline Floats Load(const Half* at) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))); }
inline Floats Load(const Bf16* at) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))), 16));
}
inline void Store(float* at, Floats v) { _mm512_storeu_ps(at, v); }

inline __mmask16 FirstLanes(int64_t left) { return static_cast<__mmask16>(left >= kLanes ? 0xffffu : (1u << left) - 1u); }
inline Floats LoadFirst(const float* at, int64_t left, float filler = 0.0f) { return _mm512_mask_loadu_ps(Broadcast(filler), FirstLanes(left), at); }
inline void StoreFirst(float* at, int64_t left, Floats v) { _mm512_mask_storeu_ps(at, FirstLanes(left), v); }

inline Floats MultiplyAdd(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats NegativeMultiplyAdd(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
inline Floats Max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats Round(Floats v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Floats IfLess(Floats a, Floats b, Floats then, Floats otherwise) { return _mm512_mask_mov_ps(otherwise, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), then); }
inline Floats TimesPowerOfTwo(Floats v, Floats n) { return _mm512_scalef_ps(v, n); }

inline float Sum(Floats v) { return _mm512_reduce_add_ps(v); }
inline float Largest(Floats v) { return _mm512_reduce_max_ps(v); }
inline Floats SumsOf(const Floats* v) {
  __m512 half[8], quarter[4], pair[2];
  for (int i = 0; i < 8; ++i) half[i] = _mm512_shuffle_f32x4(v[i], v[i + 8], 0x44) + _mm512_shuffle_f32x4(v[i], v[i + 8], 0xee);
  for (int i = 0; i < 4; ++i) quarter[i] = _mm512_shuffle_f32x4(half[i], half[i + 4], 0x88) + _mm512_shuffle_f32x4(half[i], half[i + 4], 0xdd);
  for (int i = 0; i < 2; ++i) pair[i] = _mm512_unpacklo_ps(quarter[i], quarter[i + 2]) + _mm512_unpackhi_ps(quarter[i], quarter[i + 2]);
  const __m512 folded = _mm512_unpacklo_ps(pair[0], pair[1]) + _mm512_unpackhi_ps(pair[0], pair[1]);
  return _mm512_shuffle_f32x4(folded, folded, 0xd8);  // quarters come out as 0, 2, 1, 3
}

inline void LoadPairs(const float* at, Floats* a, Floats* b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512 low = Load(at), high = Load(at + 16);
  *a = _mm512_permutex2var_ps(low, even, high);
  *b = _mm512_permutex2var_ps(low, _mm512_add_epi32(even, _mm512_set1_epi32(1)), high);
}
inline void StorePairs(float* at, Floats a, Floats b) {
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  Store(at, _mm512_permutex2var_ps(a, first, b));
  Store(at + 16, _mm512_permutex2var_ps(a, _mm512_add_epi32(first, _mm512_set1_epi32(8)), b));
}

inline Ints AbsoluteBits(Floats v) { return _mm512_castps_si512(_mm512_abs_ps(v)); }
inline Ints MaxUnsigned(Ints a, Ints b) { return _mm512_max_epu32(a, b); }
inline uint32_t LargestUnsigned(Ints v) { return _mm512_reduce_max_epu32(v); }
inline Ints ToInts(Floats v) { return _mm512_cvtps_epi32(v); }
inline Floats ToFloats(Ints v) { return _mm512_cvtepi32_ps(v); }
inline void StoreBytes(int8_t* at, const Ints* v) {
  for (int i = 0; i < 2; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 16 * i), _mm512_cvtepi32_epi8(v[i]));
}
inline int32_t SumOfSixteen(const Ints* v) { return _mm512_reduce_add_epi32(v[0]); }

inline Floats RoundToBf16(Floats v) {
  const __m512i bits = _mm512_castps_si512(v), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __m512 kept = _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  return _mm512_mask_mov_ps(kept, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), v);
}

inline void Store(Bf16* at, Floats v) {
  const __m512i upper = _mm512_srli_epi32(_mm512_castps_si512(RoundToBf16(v)), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm512_cvtepi32_epi16(upper));
}

using Bytes = __m128i;
inline Bytes LoadBytes(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }
inline void WidenBytes(Bytes v, Floats* out) { out[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(v)); }
// One register holds what all sixteen levels come to.
inline Floats LevelTable(const int8_t* levels, Floats d, Floats add) {
  Floats table;
  WidenBytes(LoadBytes(levels), &table);
  return MultiplyAdd(d, table, add);
}
inline void ScaleNibbles(Bytes q, const int8_t* levels, Floats d, Floats add, Floats* out) {
  const __m512 table = LevelTable(levels, d, add);
  const __m512i wide = _mm512_cvtepu8_epi32(q);
  out[0] = _mm512_permutexvar_ps(wide, table);  // looks at the low four bits alone
  out[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(wide, 4), table);
}
inline Floats BroadcastHalf(const uint8_t* at) {
  uint16_t half;
  __builtin_memcpy(&half, at, 2);
  return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<int16_t>(half)));
}

}  // namespace
}  // namespace pith
#endif
