// ops.h with AVX-512. Tails are masked: the missing lanes add nothing, so a result depends on its values alone.
#if defined(__AVX512F__)
#include <immintrin.h>

#include <cmath>

#include "runtime/kernels/exp_avx512.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {
namespace {

inline __mmask16 Lanes(int64_t left) { return static_cast<__mmask16>(left >= 16 ? 0xffffu : (1u << left) - 1u); }

}  // namespace

void RmsNormAvx512(const float* x, const float* w, float* y, int64_t d, float eps) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  int64_t i = 0;
  for (; i + 64 <= d; i += 64) {
    for (int j = 0; j < 4; ++j) {
      const __m512 v = _mm512_loadu_ps(x + i + 16 * j);
      sums[j] = _mm512_fmadd_ps(v, v, sums[j]);
    }
  }
  for (; i < d; i += 16) {
    const __m512 v = _mm512_maskz_loadu_ps(Lanes(d - i), x + i);
    sums[0] = _mm512_fmadd_ps(v, v, sums[0]);
  }
  const float sum = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
  const __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(sum / static_cast<float>(d) + eps));
  for (i = 0; i < d; i += 16) {
    const __mmask16 lanes = Lanes(d - i);
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), factor);
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(scaled, _mm512_maskz_loadu_ps(lanes, w + i)));
  }
}

void RopeAvx512(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout) {
  const int64_t half = head_dim / 2;
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
  int64_t i = 0;
  for (; i + 16 <= half; i += 16) {
    const __m512 c = _mm512_loadu_ps(cos + i), s = _mm512_loadu_ps(sin + i);
    float* at_a = layout == RopeLayout::kHalves ? x + i : x + 2 * i;
    float* at_b = layout == RopeLayout::kHalves ? x + half + i : x + 2 * i + 16;
    __m512 a = _mm512_loadu_ps(at_a), b = _mm512_loadu_ps(at_b);
    if (layout == RopeLayout::kInterleaved) {
      const __m512 evens = _mm512_permutex2var_ps(a, even, b);
      b = _mm512_permutex2var_ps(a, odd, b);
      a = evens;
    }
    // Unfused, as the reference: the rest below is bitwise the same.
    const __m512 ra = _mm512_sub_ps(_mm512_mul_ps(a, c), _mm512_mul_ps(b, s));
    const __m512 rb = _mm512_add_ps(_mm512_mul_ps(a, s), _mm512_mul_ps(b, c));
    const bool halves = layout == RopeLayout::kHalves;
    _mm512_storeu_ps(at_a, halves ? ra : _mm512_permutex2var_ps(ra, first, rb));
    _mm512_storeu_ps(at_b, halves ? rb : _mm512_permutex2var_ps(ra, second, rb));
  }
  for (; i < half; ++i) {
    float& a = x[layout == RopeLayout::kHalves ? i : 2 * i];
    float& b = x[layout == RopeLayout::kHalves ? i + half : 2 * i + 1];
    const float rotated = a * cos[i] - b * sin[i];
    b = a * sin[i] + b * cos[i];
    a = rotated;
  }
}

void SwiGluAvx512(const float* gate, const float* up, float* y, int64_t n) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = Lanes(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(lanes, gate + i);
    const __m512 silu = _mm512_div_ps(g, _mm512_add_ps(one, Exp(_mm512_sub_ps(_mm512_setzero_ps(), g))));
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(lanes, up + i)));
  }
}

void GeGluAvx512(const float* gate, const float* up, float* y, int64_t n) {
  const __m512 one = _mm512_set1_ps(1.0f), linear = _mm512_set1_ps(kGeluLinear), cubic = _mm512_set1_ps(kGeluCubic);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = Lanes(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(lanes, gate + i);
    const __m512 t = _mm512_mul_ps(g, _mm512_fmadd_ps(cubic, _mm512_mul_ps(g, g), linear));
    const __m512 gelu = _mm512_div_ps(g, _mm512_add_ps(one, Exp(_mm512_sub_ps(_mm512_setzero_ps(), t))));
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(gelu, _mm512_maskz_loadu_ps(lanes, up + i)));
  }
}

void ReluSquaredAvx512(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = Lanes(n - i);
    const __m512 positive = _mm512_max_ps(_mm512_setzero_ps(), _mm512_maskz_loadu_ps(lanes, x + i));  // of two values the second where one is NaN
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(positive, positive));
  }
}

float LogSumExpAvx512(const float* x, int64_t n) {
  const __m512 lowest = _mm512_set1_ps(-__builtin_inff());
  __m512 tops = lowest;
  for (int64_t i = 0; i < n; i += 16) tops = _mm512_max_ps(tops, _mm512_mask_loadu_ps(lowest, Lanes(n - i), x + i));
  const float top = _mm512_reduce_max_ps(tops);
  if (__builtin_isinf(top)) return top;
  // Partial sums of 1024 terms in float, then double.
  const __m512 shift = _mm512_set1_ps(top);
  double total = 0.0;
  for (int64_t i = 0; i < n;) {
    const int64_t stop = n - i < 1024 ? n : i + 1024;
    __m512 sum = _mm512_setzero_ps();
    for (; i < stop; i += 16) {
      sum = _mm512_add_ps(sum, Exp(_mm512_sub_ps(_mm512_mask_loadu_ps(lowest, Lanes(stop - i), x + i), shift)));
    }
    total += static_cast<double>(_mm512_reduce_add_ps(sum));
  }
  return top + static_cast<float>(__builtin_log(total));
}

}  // namespace pith
#endif
