// attention.h with AVX2, for head sizes that are multiples of 16. Query heads share each load of K and V.
//
// Eight scores are lanes of one sum over the head, in order; one output lane is summed over tokens in order. Neither depends
// on how many heads are served together.
#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/softmax_avx2.h"

namespace pith {
namespace {

template <bool kF16>
inline __m256 Load(const void* page, int64_t index) {
  if (!kF16) return _mm256_loadu_ps(static_cast<const float*>(page) + index);
  return _mm256_cvtph_ps(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const uint16_t*>(page) + index)));
}

// Scores of kHeads heads for all tokens, a page of two registers at a time.
template <bool kF16, int kHeads>
void Scores(const AttendArgs& a, int64_t first_head) {
  const float* q = a.q + first_head * a.q_stride;
  for (int64_t page = a.page_begin, s = page * kKvPageTokens; page < a.page_end; s += kKvPageTokens, ++page) {
    __m256 sum[kHeads][2];
    for (int h = 0; h < kHeads; ++h) sum[h][0] = sum[h][1] = _mm256_setzero_ps();
    for (int64_t i = 0; i < a.key_dim; ++i) {
      const __m256 low = Load<kF16>(a.kv.k[page], i * kKvPageTokens), high = Load<kF16>(a.kv.k[page], i * kKvPageTokens + 8);
      for (int h = 0; h < kHeads; ++h) {
        const __m256 component = _mm256_broadcast_ss(q + h * a.q_stride + i);
        sum[h][0] = _mm256_fmadd_ps(component, low, sum[h][0]);
        sum[h][1] = _mm256_fmadd_ps(component, high, sum[h][1]);
      }
    }
    for (int h = 0; h < kHeads; ++h) {
      for (int half = 0; half < 2; ++half) {
        const int64_t at = s + 8 * half;
        if (at >= a.length) break;
        float* scores = a.scores + (first_head + h) * a.length + at;
        _mm256_maskstore_ps(scores, Lanes(a.length - at), _mm256_mul_ps(sum[h][half], _mm256_set1_ps(a.scale)));
      }
    }
  }
}

// kWidth · 8 columns of the outputs of kHeads heads, from column `column` on.
template <bool kF16, int kHeads, int kWidth>
void Mix(const AttendArgs& a, int64_t first_head, int64_t column, const float* factors) {
  __m256 sum[kHeads][kWidth];
  for (int h = 0; h < kHeads; ++h) {
    for (int w = 0; w < kWidth; ++w) sum[h][w] = _mm256_setzero_ps();
  }
  const float* scores = a.scores + first_head * a.length;
  for (int64_t s = 0, page = 0; s < a.length; ++page) {
    const int64_t stop = s + kKvPageTokens < a.length ? s + kKvPageTokens : a.length;
    const void* v = a.kv.v[page];
    for (int64_t at = column; s < stop; ++s, at += a.value_dim) {
      __m256 value[kWidth];
      for (int w = 0; w < kWidth; ++w) value[w] = Load<kF16>(v, at + 8 * w);
      for (int h = 0; h < kHeads; ++h) {
        const __m256 weight = _mm256_set1_ps(scores[h * a.length + s]);
        for (int w = 0; w < kWidth; ++w) sum[h][w] = _mm256_fmadd_ps(weight, value[w], sum[h][w]);
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    const __m256 factor = _mm256_set1_ps(factors[h]);
    float* out = a.out + (first_head + h) * a.out_stride + column;
    for (int w = 0; w < kWidth; ++w) _mm256_storeu_ps(out + 8 * w, _mm256_mul_ps(sum[h][w], factor));
  }
}

template <bool kF16, int kHeads>
void Heads(const AttendArgs& a, int64_t first_head) {
  Scores<kF16, kHeads>(a, first_head);
  float* factors = a.factors + first_head;
  for (int h = 0; a.weights && h < kHeads; ++h) factors[h] = 1.0f / Weigh(a, first_head + h);
  for (int64_t column = a.column_begin; column < a.column_end; column += 16) Mix<kF16, kHeads, 2>(a, first_head, column, factors);
}

template <bool kF16>
void AllHeads(const AttendArgs& a) {
  InGroups<4>(a.heads, [&](auto heads, int64_t head) { Heads<kF16, heads.value>(a, head); });
}

}  // namespace

void AttendAvx2(const AttendArgs& args) {
  switch (args.kv.type) {
    case KvType::kF32: AllHeads<false>(args); return;
    case KvType::kF16: AllHeads<true>(args); return;
    case KvType::kInt8: AttendInt8Avx2(args); return;
  }
}

}  // namespace pith
#endif
