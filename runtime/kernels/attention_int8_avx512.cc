// attention.h over an INT8 cache with AVX-512 VNNI, for head sizes that are multiples of 32.
//
// A page of keys is laid out so that one register holds four components of 16 keys: sixteen scores take H/4 byte products.
// Values are widened to floats; their scales are multiplied into the weights of the tokens, 16 at a time.
#if defined(__AVX512F__)
#include <immintrin.h>

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"
#include "runtime/kernels/softmax_avx512.h"

namespace pith {
namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kMaxGroups = kMaxHeadDim / kGroup;

// The scales of one group of a page's 16 tokens.
inline __m512 Scales(const void* page, int64_t head_dim, int64_t group) {
  const auto* at = static_cast<const uint8_t*>(page) + kKvPageTokens * head_dim + group * kKvPageTokens * 2;
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

struct Query {
  alignas(64) int8_t q[kMaxHeadDim];
  RowGroup groups[kMaxGroups];
};

template <int kHeads>
void Scores(const AttendArgs& a, int64_t first_head, const Query* queries) {
  const int64_t groups = a.key_dim / kGroup;
  for (int64_t page = a.page_begin, s = page * kKvPageTokens; page < a.page_end; s += kKvPageTokens, ++page) {
    const auto* codes = static_cast<const uint8_t*>(a.kv.k[page]);
    __m512 score[kHeads];
    for (int h = 0; h < kHeads; ++h) score[h] = _mm512_setzero_ps();
    for (int64_t g = 0; g < groups; ++g) {
      __m512i dot[kHeads];
      for (int h = 0; h < kHeads; ++h) dot[h] = _mm512_set1_epi32(16 * queries[h].groups[g].minus8);
#pragma GCC unroll 8
      for (int64_t j = 0; j < kGroup / 4; ++j) {
        const __m512i keys = _mm512_loadu_si512(codes + (g * (kGroup / 4) + j) * 64);
        for (int h = 0; h < kHeads; ++h) {
          int32_t four;
          __builtin_memcpy(&four, queries[h].q + g * kGroup + 4 * j, 4);
          dot[h] = _mm512_dpbusd_epi32(dot[h], keys, _mm512_set1_epi32(four));
        }
      }
      const __m512 d = Scales(codes, a.key_dim, g);
      for (int h = 0; h < kHeads; ++h) {
        const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(queries[h].groups[g].d), d);
        score[h] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(dot[h]), score[h]);
      }
    }
    for (int h = 0; h < kHeads; ++h) {
      float* scores = a.scores + (first_head + h) * a.length + s;
      _mm512_mask_storeu_ps(scores, Lanes(a.length - s), _mm512_mul_ps(score[h], _mm512_set1_ps(a.scale)));
    }
  }
}

// The 32 columns of one group of the outputs of kHeads heads.
template <int kHeads>
void Mix(const AttendArgs& a, int64_t first_head, int64_t group, const float* factors) {
  __m512 sum[kHeads][2];
  for (int h = 0; h < kHeads; ++h) sum[h][0] = sum[h][1] = _mm512_setzero_ps();
  for (int64_t s = 0, page = 0; s < a.length; s += kKvPageTokens, ++page) {
    const auto* values = static_cast<const uint8_t*>(a.kv.v[page]) + group * kGroup;
    const __m512 d = Scales(a.kv.v[page], a.value_dim, group);
    const int64_t left = a.length - s, tokens = left < kKvPageTokens ? left : kKvPageTokens;
    alignas(64) float weights[kHeads][kKvPageTokens];
    for (int h = 0; h < kHeads; ++h) {
      const float* scores = a.scores + (first_head + h) * a.length + s;
      _mm512_store_ps(weights[h], _mm512_mul_ps(_mm512_maskz_loadu_ps(Lanes(left), scores), d));
    }
    for (int64_t t = 0; t < tokens; ++t, values += a.value_dim) {
      const auto widen = [&](int64_t at) {
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values + at))));
      };
      const __m512 low = widen(0), high = widen(16);
      for (int h = 0; h < kHeads; ++h) {
        const __m512 weight = _mm512_set1_ps(weights[h][t]);
        sum[h][0] = _mm512_fmadd_ps(weight, low, sum[h][0]);
        sum[h][1] = _mm512_fmadd_ps(weight, high, sum[h][1]);
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    const __m512 factor = _mm512_set1_ps(factors[h]);
    float* out = a.out + (first_head + h) * a.out_stride + group * kGroup;
    for (int w = 0; w < 2; ++w) _mm512_storeu_ps(out + 16 * w, _mm512_mul_ps(sum[h][w], factor));
  }
}

template <int kHeads>
void Heads(const AttendArgs& a, int64_t first_head) {
  Query queries[kHeads];
  for (int h = 0; a.page_begin < a.page_end && h < kHeads; ++h) {
    Query& query = queries[h];
    QuantiseRowAvx512(a.q + (first_head + h) * a.q_stride, a.key_dim, query.q, query.groups);
  }
  Scores<kHeads>(a, first_head, queries);
  float* factors = a.factors + first_head;
  for (int h = 0; a.weights && h < kHeads; ++h) factors[h] = 1.0f / Weigh(a, first_head + h);
  for (int64_t group = a.column_begin / kGroup; group < a.column_end / kGroup; ++group) Mix<kHeads>(a, first_head, group, factors);
}

}  // namespace

void AttendInt8Avx512(const AttendArgs& a) {
  InGroups<4>(a.heads, [&](auto heads, int64_t head) { Heads<heads.value>(a, head); });
}

}  // namespace pith
#endif
