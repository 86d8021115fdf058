// ops.h with AVX2 and FMA. Tails are masked.
#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/exp_avx2.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {

void RmsNormAvx2(const float* x, const float* w, float* y, int64_t d, float eps) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  int64_t i = 0;
  for (; i + 32 <= d; i += 32) {
    for (int j = 0; j < 4; ++j) {
      const __m256 v = _mm256_loadu_ps(x + i + 8 * j);
      sums[j] = _mm256_fmadd_ps(v, v, sums[j]);
    }
  }
  for (; i < d; i += 8) {
    const __m256 v = _mm256_maskload_ps(x + i, Lanes(d - i));
    sums[0] = _mm256_fmadd_ps(v, v, sums[0]);
  }
  const float sum = Sum(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  const __m256 factor = _mm256_set1_ps(1.0f / __builtin_sqrtf(sum / static_cast<float>(d) + eps));
  for (i = 0; i < d; i += 8) {
    const __m256i lanes = Lanes(d - i);
    const __m256 scaled = _mm256_mul_ps(_mm256_maskload_ps(x + i, lanes), factor);
    _mm256_maskstore_ps(y + i, lanes, _mm256_mul_ps(scaled, _mm256_maskload_ps(w + i, lanes)));
  }
}

void RopeAvx2(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout) {
  const int64_t half = head_dim / 2;
  const bool halves = layout == RopeLayout::kHalves;
  int64_t i = 0;
  for (; halves && i + 8 <= half; i += 8) {
    const __m256 c = _mm256_loadu_ps(cos + i), s = _mm256_loadu_ps(sin + i);
    const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + half + i);
    _mm256_storeu_ps(x + i, _mm256_sub_ps(_mm256_mul_ps(a, c), _mm256_mul_ps(b, s)));
    _mm256_storeu_ps(x + half + i, _mm256_add_ps(_mm256_mul_ps(a, s), _mm256_mul_ps(b, c)));
  }
  for (; !halves && i + 4 <= half; i += 4) {  // a0 b0 a1 b1 …: each angle twice, partners swapped
    const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    const __m256 c = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(cos + i)), twice);
    const __m256 s = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(sin + i)), twice);
    const __m256 v = _mm256_loadu_ps(x + 2 * i), partner = _mm256_permute_ps(v, 0xb1);
    _mm256_storeu_ps(x + 2 * i, _mm256_addsub_ps(_mm256_mul_ps(v, c), _mm256_mul_ps(partner, s)));
  }
  for (; i < half; ++i) {
    float& a = x[halves ? i : 2 * i];
    float& b = x[halves ? i + half : 2 * i + 1];
    const float rotated = a * cos[i] - b * sin[i];
    b = a * sin[i] + b * cos[i];
    a = rotated;
  }
}

void SwiGluAvx2(const float* gate, const float* up, float* y, int64_t n) {
  const __m256 one = _mm256_set1_ps(1.0f);
  for (int64_t i = 0; i < n; i += 8) {
    const __m256i lanes = Lanes(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, lanes);
    const __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, Exp(_mm256_sub_ps(_mm256_setzero_ps(), g))));
    _mm256_maskstore_ps(y + i, lanes, _mm256_mul_ps(silu, _mm256_maskload_ps(up + i, lanes)));
  }
}

void GeGluAvx2(const float* gate, const float* up, float* y, int64_t n) {
  const __m256 one = _mm256_set1_ps(1.0f), linear = _mm256_set1_ps(kGeluLinear), cubic = _mm256_set1_ps(kGeluCubic);
  for (int64_t i = 0; i < n; i += 8) {
    const __m256i lanes = Lanes(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, lanes);
    const __m256 t = _mm256_mul_ps(g, _mm256_fmadd_ps(cubic, _mm256_mul_ps(g, g), linear));
    const __m256 gelu = _mm256_div_ps(g, _mm256_add_ps(one, Exp(_mm256_sub_ps(_mm256_setzero_ps(), t))));
    _mm256_maskstore_ps(y + i, lanes, _mm256_mul_ps(gelu, _mm256_maskload_ps(up + i, lanes)));
  }
}

void ReluSquaredAvx2(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += 8) {
    const __m256i lanes = Lanes(n - i);
    const __m256 positive = _mm256_max_ps(_mm256_setzero_ps(), _mm256_maskload_ps(x + i, lanes));  // of two values the second where one is NaN
    _mm256_maskstore_ps(y + i, lanes, _mm256_mul_ps(positive, positive));
  }
}

float LogSumExpAvx2(const float* x, int64_t n) {
  __m256 tops = _mm256_set1_ps(-__builtin_inff());
  for (int64_t i = 0; i < n; i += 8) tops = _mm256_max_ps(tops, LoadOrLowest(x + i, n - i));
  const float top = Max(tops);
  if (__builtin_isinf(top)) return top;
  // Partial sums of 512 terms in float, then double.
  const __m256 shift = _mm256_set1_ps(top);
  double total = 0.0;
  for (int64_t i = 0; i < n;) {
    const int64_t stop = n - i < 512 ? n : i + 512;
    __m256 sum = _mm256_setzero_ps();
    for (; i < stop; i += 8) sum = _mm256_add_ps(sum, Exp(_mm256_sub_ps(LoadOrLowest(x + i, stop - i), shift)));
    total += static_cast<double>(Sum(sum));
  }
  return top + static_cast<float>(__builtin_log(total));
}

}  // namespace pith
#endif
