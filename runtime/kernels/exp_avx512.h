// e^x in sixteen lanes. Only for files compiled for AVX-512.
#pragma once

#include <immintrin.h>

namespace pith {
namespace {

// Relative error at most 2^-22 (tests sweep it). Below −87.3: 0 at once or at 2^-126; above 88.7: infinity. NaN stays NaN.
// x = n ln 2 + r with |r| ≤ ln(2)/2, ln 2 split in two so that r is exact; e^r by its Taylor polynomial of degree 7, whose
// remainder r^8/8! is below 2^-27 there; then 2^n by scalef, which saturates by itself.
inline __m512 Exp(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504089f)), 0x08);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.0f / 5040.0f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  const __m512 scaled = _mm512_scalef_ps(p, n);
  // n · ln 2 overflows r for infinite x.
  const __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-104.0f), _CMP_LT_OQ);
  const __mmask16 above = _mm512_cmp_ps_mask(x, _mm512_set1_ps(89.0f), _CMP_GT_OQ);
  const __m512 low = _mm512_mask_mov_ps(scaled, below, _mm512_setzero_ps());
  return _mm512_mask_mov_ps(low, above, _mm512_set1_ps(__builtin_inff()));
}

}  // namespace
}  // namespace pith
