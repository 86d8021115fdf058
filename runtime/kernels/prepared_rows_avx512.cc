#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/linear_kernels.h"

namespace pith {

void RoundRowToBf16Avx512(const float* x, int64_t padded, uint16_t* out) {
  for (int64_t i = 0; i < padded; i += 32) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
    _mm512_storeu_si512(out + i, reinterpret_cast<__m512i>(both));
  }
}

void QuantiseRowAvx512(const float* x, int64_t padded, int8_t* q, RowGroup* groups) {
  for (int64_t b = 0; b < padded / kBlockSize; ++b) {
    const __m512 low = _mm512_loadu_ps(x + b * kBlockSize), high = _mm512_loadu_ps(x + b * kBlockSize + 16);
    // |x| as integers: ordered as the floats are, with NaN above all.
    const __m512i bits = _mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(low)), _mm512_castps_si512(_mm512_abs_ps(high)));
    const uint32_t max_bits = _mm512_reduce_max_epu32(bits);
    if (OutOfRange(max_bits, q + b * kBlockSize, groups + b)) continue;
    const float max_abs = __builtin_bit_cast(float, max_bits);
    const __m512 inverse = _mm512_set1_ps(127.0f / max_abs);
    const __m512i low_q = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));  // rounds to nearest even
    const __m512i high_q = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q + b * kBlockSize), _mm512_cvtepi32_epi8(low_q));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q + b * kBlockSize + 16), _mm512_cvtepi32_epi8(high_q));
    groups[b] = GroupOfSums(max_abs / 127.0f, _mm512_reduce_add_epi32(low_q), _mm512_reduce_add_epi32(high_q));
  }
}

}  // namespace pith
#endif
