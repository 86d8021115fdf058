#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/dequantise_avx2.h"
#include "runtime/kernels/exp_avx2.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {

void RoundRowToBf16Avx2(const float* x, int64_t padded, float* out) {
  for (int64_t i = 0; i < padded; i += 8) _mm256_storeu_ps(out + i, RoundToBf16(_mm256_loadu_ps(x + i)));
}

void QuantiseRowAvx2(const float* x, int64_t padded, int8_t* q, RowGroup* groups) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // undoes the packs' interleaving of halves
  for (int64_t b = 0; b < padded / kBlockSize; ++b) {
    __m256 v[4];
    __m256i bits = _mm256_setzero_si256();  // |x| as integers: ordered as the floats are, with NaN above all
    for (int i = 0; i < 4; ++i) {
      v[i] = _mm256_loadu_ps(x + b * kBlockSize + 8 * i);
      bits = _mm256_max_epu32(bits, _mm256_castps_si256(_mm256_andnot_ps(sign, v[i])));
    }
    __m128i top4 = _mm_max_epu32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    top4 = _mm_max_epu32(top4, _mm_shuffle_epi32(top4, 0x4e));
    top4 = _mm_max_epu32(top4, _mm_shuffle_epi32(top4, 0xb1));
    const auto max_bits = static_cast<uint32_t>(_mm_cvtsi128_si32(top4));
    if (OutOfRange(max_bits, q + b * kBlockSize, groups + b)) continue;
    const float max_abs = __builtin_bit_cast(float, max_bits);
    const __m256 inverse = _mm256_set1_ps(127.0f / max_abs);
    __m256i code[4];
    for (int i = 0; i < 4; ++i) code[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));  // rounds to nearest even
    const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(code[0], code[1]), _mm256_packs_epi32(code[2], code[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + b * kBlockSize), _mm256_permutevar8x32_epi32(packed, order));
    // In each half of `both`: the sums of the first 16 codes, then those of the others.
    __m256i both = _mm256_hadd_epi32(_mm256_add_epi32(code[0], code[1]), _mm256_add_epi32(code[2], code[3]));
    both = _mm256_hadd_epi32(both, both);
    const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    groups[b] = GroupOfSums(max_abs / 127.0f, _mm_cvtsi128_si32(sums), _mm_extract_epi32(sums, 1));
  }
}

}  // namespace pith
#endif
