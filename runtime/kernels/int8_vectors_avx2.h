// The small layer of vectors that the int8 kernels are written over (int8_formats.h, int8_few_rows.h, int8_panels.h), for x86: 256 bits.
// int8_lanes_avx2.h is the rest of it: several rows side by side, in 512 bits where the file that includes it is compiled for AVX-512.
// What it uses of VNNI follows that file's flags too. int8_vectors_neon.h is its counterpart.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>

#include <cstdint>

namespace pith {
namespace {

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define PITH_DPBUSD _mm256_dpbusd_epi32
inline constexpr bool kHasVnni = true;
#elif defined(__AVXVNNI__)
#define PITH_DPBUSD _mm256_dpbusd_avx_epi32
inline constexpr bool kHasVnni = true;
#else
inline constexpr bool kHasVnni = false;
#endif

// One value of each of kLanes rows of weights.
inline constexpr int kLanes = 8;
using Ints = __m256i;
using Floats = __m256;
using Bytes = __m256i;  // 32 codes of one row, in the order of k

inline Bytes LoadBytes(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
inline Bytes Each(int value) { return _mm256_set1_epi8(static_cast<char>(value)); }
// The low nibbles of 16 bytes, then the high ones.
inline Bytes LoadNibbles(const uint8_t* at) {
  const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  return _mm256_and_si256(_mm256_srlv_epi32(twice, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)), Each(15));
}
// The bits of each byte from bit `from` on that `mask` selects, moved to bit `to`; mask << max(from, to) < 256.
inline Bytes Bits(Bytes bytes, int from, int to, int mask) {
  return _mm256_and_si256(from < to ? _mm256_slli_epi16(bytes, to - from) : _mm256_srli_epi16(bytes, from - to), Each(mask << to));
}
// Byte i is `value` where bit i is set, else 0.
inline Bytes SpreadBits(uint32_t bits, int value) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  return _mm256_maskz_mov_epi8(bits, Each(value));
#else
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201u));
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit), Each(value));
#endif
}
inline Bytes Lookup(const int8_t* table, Bytes indices) {
  const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return _mm256_shuffle_epi8(both, indices);
}

inline Ints Broadcast(int32_t value) { return _mm256_set1_epi32(value); }
inline Floats Broadcast(float value) { return _mm256_set1_ps(value); }
inline Floats ZeroFloats() { return _mm256_setzero_ps(); }
template <int kShift>
inline Ints ShiftLeft(Ints v) { return _mm256_slli_epi32(v, kShift); }
template <int kShift>
inline Ints ShiftRight(Ints v) { return _mm256_srli_epi32(v, kShift); }
template <int kShift>
inline Ints ShiftRightSigned(Ints v) { return _mm256_srai_epi32(v, kShift); }
inline Ints And(Ints a, Ints b) { return _mm256_and_si256(a, b); }
inline Ints Or(Ints a, Ints b) { return _mm256_or_si256(a, b); }
inline Ints Add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
inline Ints Subtract(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
inline Floats ToFloats(Ints v) { return _mm256_cvtepi32_ps(v); }
inline Floats Multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats MultiplyAdd(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }  // a · b + c, rounded once
inline Floats AddFloats(Floats a, Floats b) { return _mm256_add_ps(a, b); }
inline Floats Negate(Floats v) { return _mm256_xor_ps(v, _mm256_set1_ps(-0.0f)); }
inline void Store(float* to, Floats v) { _mm256_storeu_ps(to, v); }
inline void Store(uint8_t* to, Ints v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }
inline Floats Load(const float* from) { return _mm256_loadu_ps(from); }

// The f16 in the low and in the high halves of dwords, as floats.
inline Floats LowHalves(Ints dwords) {
  const __m256i low = _mm256_and_si256(dwords, _mm256_set1_epi32(0xffff));
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08)));
}
inline Floats HighHalves(Ints dwords) { return LowHalves(ShiftRight<16>(dwords)); }

// dwords[j] lane r = dword j of rows[r].
inline void Transpose(const Bytes* rows, Ints* dwords) {
  __m256i pair[8], four[8];
  for (int i = 0; i < 4; ++i) {
    pair[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
    pair[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      four[4 * i + 2 * j] = _mm256_unpacklo_epi64(pair[4 * i + j], pair[4 * i + 2 + j]);
      four[4 * i + 2 * j + 1] = _mm256_unpackhi_epi64(pair[4 * i + j], pair[4 * i + 2 + j]);
    }
  }
  for (int j = 0; j < 4; ++j) {
    dwords[j] = _mm256_permute2x128_si256(four[j], four[4 + j], 0x20);
    dwords[4 + j] = _mm256_permute2x128_si256(four[j], four[4 + j], 0x31);
  }
}

// Products of unsigned codes (or, where kSigned and there is no VNNI, signed ones) and signed values, four to a lane of 32 bits. Values
// are never −128, so that two products of any codes fit in 16 bits where that is all there is: pairs, which are added, then go to the sum.
#if defined(PITH_DPBUSD)
inline __m256i Dot(__m256i sum, Bytes codes, Bytes values) { return PITH_DPBUSD(sum, codes, values); }
#else
template <bool kSigned>
inline __m256i Pairs(Bytes codes, Bytes values) {
  return kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(values, codes)) : _mm256_maddubs_epi16(codes, values);
}
inline __m256i AddPairs(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }
inline __m256i AddToSum(__m256i sum, __m256i pairs) { return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))); }
#endif
template <bool kSigned>
inline __m256i FourProducts(Bytes codes, Bytes values) {
#if defined(PITH_DPBUSD)
  return Dot(_mm256_setzero_si256(), codes, values);
#else
  return AddToSum(_mm256_setzero_si256(), Pairs<kSigned>(codes, values));
#endif
}

// In each half: the sums of neighbours of a, then those of b. kFits: all are below 2^15, and two instructions do.
template <bool kFits>
inline __m256i AddNeighbours(__m256i a, __m256i b) {
  return kFits ? _mm256_madd_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(1)) : _mm256_hadd_epi32(a, b);
}

// Codes as they are multiplied: by 2^kBiasShift too large where that is not 0, and at most kMostStored. VNNI wants unsigned bytes first.
template <class F>
inline Bytes Multiplied(Bytes codes) { return F::kSigned && kHasVnni ? _mm256_xor_si256(codes, Each(0x80)) : codes; }
template <class F>
inline constexpr int kBiasShift = F::kSigned ? (kHasVnni ? 7 : 0) : F::kBiasShift;
template <class F>
inline constexpr int kMostStored = F::kSigned && kHasVnni ? 255 : F::kMost;

// Lane r: the sum of rows[r]'s products with the values: separately for codes 0 to 15 and 16 to 31; or all in one.
template <class F>
inline void DotRowsByHalves(const Bytes* rows, Bytes values, Ints* low, Ints* high) {
  constexpr bool kFour = 4 * kMostStored<F> * 127 < 1 << 15, kEight = 8 * kMostStored<F> * 127 < 1 << 15;
  __m256i two[4], four[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    two[i] = AddNeighbours<kFour>(FourProducts<F::kSigned>(rows[2 * i], values), FourProducts<F::kSigned>(rows[2 * i + 1], values));
  }
  for (int i = 0; i < 2; ++i) four[i] = AddNeighbours<kEight>(two[2 * i], two[2 * i + 1]);
  *low = _mm256_permute2x128_si256(four[0], four[1], 0x20);
  *high = _mm256_permute2x128_si256(four[0], four[1], 0x31);
}
template <class F>
inline Ints DotRows(const Bytes* rows, Bytes values) {
  Ints low, high;
  DotRowsByHalves<F>(rows, values, &low, &high);
  return Add(low, high);
}

inline constexpr int kFewAtOnce = 4;  // rows of x that meet each block while it is in registers

// A line of memory is asked for into the cache next to the core, or into the one behind it. Always inline: GCC 12 takes a function that only asks
// for memory for one without effect, and drops its calls.
inline __attribute__((always_inline)) void PrefetchNear(const uint8_t* at) { _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0); }
inline __attribute__((always_inline)) void PrefetchFar(const uint8_t* at) { _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T1); }

}  // namespace
}  // namespace pith
#endif
