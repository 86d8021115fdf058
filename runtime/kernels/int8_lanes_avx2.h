// Values of 8 or of 16 rows of weights side by side, one row a lane: gathered from where they lie in the file, and multiplied (int8_products.h).
// Eight are the vectors of int8_vectors_avx2.h; for sixteen there are the same functions, as far as they are taken.
#pragma once
#if defined(__AVX2__)
#include "runtime/kernels/int8_vectors_avx2.h"

namespace pith {
namespace {

// Four rows on. Their addresses are made anew in a general register: GCC 12 would derive those of all rows from the first one, and keep them in
// vector registers and in memory.
inline const uint8_t* FourRowsOn(const uint8_t* at, int64_t stride) {
  at += 4 * stride;
  asm("" : "+r"(at));
  return at;
}
inline __m128i LoadSixteen(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
inline __m256i Pair(__m128i low, __m128i high) { return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1); }

// At first + r · stride of each row: one f16, or one dword.
inline __m128i GatherEightHalves(const uint8_t* first, int64_t stride) {
  const uint8_t* second = FourRowsOn(first, stride);
  const auto half = [&](int r) {
    uint16_t value;
    __builtin_memcpy(&value, (r < 4 ? first : second) + r % 4 * stride, 2);
    return static_cast<int>(value);
  };
  __m128i halves = _mm_cvtsi32_si128(half(0));
  halves = _mm_insert_epi16(halves, half(1), 1);
  halves = _mm_insert_epi16(halves, half(2), 2);
  halves = _mm_insert_epi16(halves, half(3), 3);
  halves = _mm_insert_epi16(halves, half(4), 4);
  halves = _mm_insert_epi16(halves, half(5), 5);
  halves = _mm_insert_epi16(halves, half(6), 6);
  return _mm_insert_epi16(halves, half(7), 7);
}
inline __m256i GatherEightDwords(const uint8_t* first, int64_t stride) {
  int32_t value[8];
  for (int r = 0; r < 8; ++r) __builtin_memcpy(&value[r], first + r * stride, 4);
  return _mm256_setr_epi32(value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7]);
}

struct Lanes8 {
  static constexpr int kCount = 8;
  using Ints = __m256i;
  using Floats = __m256;
  static inline Ints Of(const __m256i* parts) { return parts[0]; }
  static inline Ints Load(const uint8_t* at) { return LoadBytes(at); }
  static inline Floats Load(const float* at) { return pith::Load(at); }
  static inline Ints Broadcast(int32_t value) { return pith::Broadcast(value); }
  static inline Floats Broadcast(float value) { return pith::Broadcast(value); }
  static inline Floats GatherHalves(const uint8_t* first, int64_t stride) { return _mm256_cvtph_ps(GatherEightHalves(first, stride)); }
  static inline Ints GatherDwords(const uint8_t* first, int64_t stride) { return GatherEightDwords(first, stride); }
  // dwords[j] lane r = dword j of those at first + r · stride.
  static inline void GatherFourDwords(const uint8_t* first, int64_t stride, Ints* dwords) {
    const uint8_t* second = FourRowsOn(first, stride);
    __m256i a[4];
    for (int i = 0; i < 4; ++i) a[i] = Pair(LoadSixteen(first + i * stride), LoadSixteen(second + i * stride));
    const __m256i low01 = _mm256_unpacklo_epi32(a[0], a[1]), high01 = _mm256_unpackhi_epi32(a[0], a[1]);
    const __m256i low23 = _mm256_unpacklo_epi32(a[2], a[3]), high23 = _mm256_unpackhi_epi32(a[2], a[3]);
    dwords[0] = _mm256_unpacklo_epi64(low01, low23);
    dwords[1] = _mm256_unpackhi_epi64(low01, low23);
    dwords[2] = _mm256_unpacklo_epi64(high01, high23);
    dwords[3] = _mm256_unpackhi_epi64(high01, high23);
  }
};
using RowLanes = Lanes8;  // of rows that are taken as they lie

#if defined(__AVX512BW__) && defined(__AVX512VL__)
struct Lanes16 {
  static constexpr int kCount = 16;
  using Ints = __m512i;
  using Floats = __m512;
  static inline Ints Of(const __m256i* parts) { return _mm512_inserti64x4(_mm512_castsi256_si512(parts[0]), parts[1], 1); }
  static inline Ints Load(const uint8_t* at) { return _mm512_loadu_si512(at); }
  static inline Floats Load(const float* at) { return _mm512_loadu_ps(at); }
  static inline Ints Broadcast(int32_t value) { return _mm512_set1_epi32(value); }
  static inline Floats Broadcast(float value) { return _mm512_set1_ps(value); }
  static inline Floats GatherHalves(const uint8_t* first, int64_t stride) {
    return _mm512_cvtph_ps(Pair(GatherEightHalves(first, stride), GatherEightHalves(FourRowsOn(FourRowsOn(first, stride), stride), stride)));
  }
  static inline Ints GatherDwords(const uint8_t* first, int64_t stride) {
    const __m256i parts[] = {GatherEightDwords(first, stride), GatherEightDwords(first + 8 * stride, stride)};
    return Of(parts);
  }
  static inline void GatherFourDwords(const uint8_t* first, int64_t stride, Ints* dwords) {
    const uint8_t *second = FourRowsOn(first, stride), *third = FourRowsOn(second, stride), *fourth = FourRowsOn(third, stride);
    __m512i a[4];
    for (int i = 0; i < 4; ++i) {
      const int64_t row = i * stride;
      const __m256i parts[] = {Pair(LoadSixteen(first + row), LoadSixteen(second + row)), Pair(LoadSixteen(third + row), LoadSixteen(fourth + row))};
      a[i] = Of(parts);
    }
    const __m512i low01 = _mm512_unpacklo_epi32(a[0], a[1]), high01 = _mm512_unpackhi_epi32(a[0], a[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(a[2], a[3]), high23 = _mm512_unpackhi_epi32(a[2], a[3]);
    dwords[0] = _mm512_unpacklo_epi64(low01, low23);
    dwords[1] = _mm512_unpackhi_epi64(low01, low23);
    dwords[2] = _mm512_unpacklo_epi64(high01, high23);
    dwords[3] = _mm512_unpackhi_epi64(high01, high23);
  }
};
inline __m512i And(__m512i a, __m512i b) { return _mm512_and_si512(a, b); }
inline __m512i Or(__m512i a, __m512i b) { return _mm512_or_si512(a, b); }
inline __m512i Add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
inline __m512i Subtract(__m512i a, __m512i b) { return _mm512_sub_epi32(a, b); }
template <int kShift>
inline __m512i ShiftLeft(__m512i v) { return _mm512_slli_epi32(v, kShift); }
template <int kShift>
inline __m512i ShiftRight(__m512i v) { return _mm512_srli_epi32(v, kShift); }
template <int kShift>
inline __m512i ShiftRightSigned(__m512i v) { return _mm512_srai_epi32(v, kShift); }
inline __m512i Bits(__m512i bytes, int from, int to, int mask) {
  return _mm512_and_si512(from < to ? _mm512_slli_epi16(bytes, to - from) : _mm512_srli_epi16(bytes, from - to), _mm512_set1_epi8(static_cast<char>(mask << to)));
}
inline __m512i Lookup(const int8_t* table, __m512i indices) { return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), indices); }
template <class F>
inline __m512i Multiplied(__m512i codes) { return F::kSigned && kHasVnni ? _mm512_xor_si512(codes, _mm512_set1_epi8(-128)) : codes; }
inline __m512 ToFloats(__m512i v) { return _mm512_cvtepi32_ps(v); }
inline __m512 Multiply(__m512 a, __m512 b) { return _mm512_mul_ps(a, b); }
inline __m512 MultiplyAdd(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
inline __m512 Negate(__m512 v) { return _mm512_xor_ps(v, _mm512_set1_ps(-0.0f)); }
inline __m512 LowHalves(__m512i dwords) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords)); }
inline __m512 HighHalves(__m512i dwords) { return LowHalves(ShiftRight<16>(dwords)); }
inline void Store(float* to, __m512 v) { _mm512_storeu_ps(to, v); }
inline void Store(uint8_t* to, __m512i v) { _mm512_storeu_si512(to, v); }
#if defined(PITH_DPBUSD)
inline __m512i Dot(__m512i sum, __m512i codes, __m512i values) { return _mm512_dpbusd_epi32(sum, codes, values); }
#else
template <bool kSigned>
inline __m512i Pairs(__m512i codes, __m512i values) {
  if (!kSigned) return _mm512_maddubs_epi16(codes, values);
  return _mm512_maddubs_epi16(_mm512_abs_epi8(codes), _mm512_mask_sub_epi8(values, _mm512_movepi8_mask(codes), _mm512_setzero_si512(), values));
}
inline __m512i AddPairs(__m512i a, __m512i b) { return _mm512_add_epi16(a, b); }
inline __m512i AddToSum(__m512i sum, __m512i pairs) { return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))); }
#endif
// The first `count` lanes to y.
inline void StoreFirst(float* y, __m512 value, int64_t count, bool accumulate) {
  const auto mask = static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << count) - 1u);
  if (accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), value);
  _mm512_mask_storeu_ps(y, mask, value);
}
using WidestLanes = Lanes16;
#else
using WidestLanes = Lanes8;
#endif

}  // namespace
}  // namespace pith
#endif
