// attention.h with AVX-512, for head sizes that are multiples of 16. Query heads share each load of K and V.
//
// Sixteen scores are lanes of one sum over the head, in order; one output lane is summed over tokens in order. Neither
// depends on how many heads are served together.
#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/softmax_avx512.h"

namespace pith {
namespace {

template <bool kF16>
inline __m512 Load(const void* page, int64_t index) {
  if (!kF16) return _mm512_loadu_ps(static_cast<const float*>(page) + index);
  return _mm512_cvtph_ps(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const uint16_t*>(page) + index)));
}

// Scores of kHeads heads for kPages pages from `page` on: enough sums side by side to hide an addition's latency.
template <bool kF16, int kHeads, int kPages>
inline void ScorePages(const AttendArgs& a, int64_t first_head, int64_t page) {
  const float* q = a.q + first_head * a.q_stride;
  __m512 sum[kHeads][kPages];
  for (int h = 0; h < kHeads; ++h) {
    for (int p = 0; p < kPages; ++p) sum[h][p] = _mm512_setzero_ps();
  }
  for (int64_t i = 0; i < a.key_dim; ++i) {
    __m512 key[kPages];
    for (int p = 0; p < kPages; ++p) key[p] = Load<kF16>(a.kv.k[page + p], i * kKvPageTokens);
    for (int h = 0; h < kHeads; ++h) {
      const __m512 component = _mm512_set1_ps(q[h * a.q_stride + i]);
      for (int p = 0; p < kPages; ++p) sum[h][p] = _mm512_fmadd_ps(component, key[p], sum[h][p]);
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    for (int p = 0; p < kPages; ++p) {
      const int64_t s = (page + p) * kKvPageTokens;
      float* scores = a.scores + (first_head + h) * a.length + s;
      _mm512_mask_storeu_ps(scores, Lanes(a.length - s), _mm512_mul_ps(sum[h][p], _mm512_set1_ps(a.scale)));
    }
  }
}

template <bool kF16, int kHeads>
void Scores(const AttendArgs& a, int64_t first_head) {
  constexpr int kPages = kHeads > 2 ? 2 : 4;
  int64_t page = a.page_begin;
  for (; page + kPages <= a.page_end; page += kPages) ScorePages<kF16, kHeads, kPages>(a, first_head, page);
  for (; page < a.page_end; ++page) ScorePages<kF16, kHeads, 1>(a, first_head, page);
}

// kWidth · 16 columns of the outputs of kHeads heads, from column `column` on.
template <bool kF16, int kHeads, int kWidth>
void Mix(const AttendArgs& a, int64_t first_head, int64_t column, const float* factors) {
  __m512 sum[kHeads][kWidth];
  for (int h = 0; h < kHeads; ++h) {
    for (int w = 0; w < kWidth; ++w) sum[h][w] = _mm512_setzero_ps();
  }
  const float* scores = a.scores + first_head * a.length;
  for (int64_t s = 0, page = 0; s < a.length; ++page) {
    const int64_t stop = s + kKvPageTokens < a.length ? s + kKvPageTokens : a.length;
    const void* v = a.kv.v[page];
    for (int64_t at = column; s < stop; ++s, at += a.value_dim) {
      __m512 value[kWidth];
      for (int w = 0; w < kWidth; ++w) value[w] = Load<kF16>(v, at + 16 * w);
      for (int h = 0; h < kHeads; ++h) {
        const __m512 weight = _mm512_set1_ps(scores[h * a.length + s]);
        for (int w = 0; w < kWidth; ++w) sum[h][w] = _mm512_fmadd_ps(weight, value[w], sum[h][w]);
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    const __m512 factor = _mm512_set1_ps(factors[h]);
    float* out = a.out + (first_head + h) * a.out_stride + column;
    for (int w = 0; w < kWidth; ++w) _mm512_storeu_ps(out + 16 * w, _mm512_mul_ps(sum[h][w], factor));
  }
}

template <bool kF16, int kHeads>
void Heads(const AttendArgs& a, int64_t first_head) {
  Scores<kF16, kHeads>(a, first_head);
  float* factors = a.factors + first_head;
  for (int h = 0; a.weights && h < kHeads; ++h) factors[h] = 1.0f / Weigh(a, first_head + h);
  int64_t column = a.column_begin;
  for (; column + 64 <= a.column_end; column += 64) Mix<kF16, kHeads, 4>(a, first_head, column, factors);
  for (; column < a.column_end; column += 16) Mix<kF16, kHeads, 1>(a, first_head, column, factors);
}

template <bool kF16>
void AllHeads(const AttendArgs& a) {
  InGroups<4>(a.heads, [&](auto heads, int64_t head) { Heads<kF16, heads.value>(a, head); });
}

}  // namespace

void AttendAvx512(const AttendArgs& args) {
  switch (args.kv.type) {
    case KvType::kF32: AllHeads<false>(args); return;
    case KvType::kF16: AllHeads<true>(args); return;
    case KvType::kInt8: AttendInt8Avx512(args); return;
  }
}

}  // namespace pith
#endif
