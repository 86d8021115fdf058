// SHA-256 by x86's SHA extensions. sha256rnds2 does two rounds on the state as two registers, (F, E, B, A) and (H, G, D, C)
// from the lowest word up; sha256msg1 and sha256msg2 make four words of the message schedule of the sixteen before them.
#if defined(__SHA__)
#include <immintrin.h>

#include "base/sha256_compress.h"

namespace pith {

void Sha256CompressShaNi(uint32_t state[8], const uint8_t* blocks, size_t count) {
  const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  auto* halves = reinterpret_cast<__m128i*>(state);
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(halves), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(halves + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
  for (; count > 0; --count, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];  // the next sixteen words of the schedule
    for (int i = 0; i < 4; ++i) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks + 16 * i)), big_endian);
    }
#pragma GCC unroll 16
    for (int four = 0; four < 16; ++four) {
      __m128i& first = w[four % 4];
      const __m128i second = w[(four + 1) % 4], third = w[(four + 2) % 4], fourth = w[(four + 3) % 4];
      const __m128i sum = _mm_add_epi32(first, _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256Round + 4 * four)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
      if (four < 12) {
        const __m128i seven_back = _mm_alignr_epi8(fourth, third, 4);
        first = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(first, second), seven_back), fourth);
      }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(halves, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(halves + 1, _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace pith
#endif
