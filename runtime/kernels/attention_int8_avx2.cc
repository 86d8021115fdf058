// attention.h over an INT8 cache with AVX2: the plan of attention_int8_avx512.cc with two registers for a page's 16 tokens.
// Products of bytes are summed in pairs of 16 bits by maddubs, |k| ≤ 127 times q under k's sign: 2 · 127 · 127 < 2^15.
#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"
#include "runtime/kernels/softmax_avx2.h"

namespace pith {
namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kMaxGroups = kMaxHeadDim / kGroup;

// The scales of one group of eight of a page's tokens.
inline __m256 Scales(const void* page, int64_t head_dim, int64_t group, int half) {
  const auto* at = static_cast<const uint8_t*>(page) + kKvPageTokens * head_dim + (group * kKvPageTokens + 8 * half) * 2;
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}

struct Query {
  alignas(32) int8_t q[kMaxHeadDim];
  RowGroup groups[kMaxGroups];
};

template <int kHeads>
void Scores(const AttendArgs& a, int64_t first_head, const Query* queries) {
  const __m256i offset = _mm256_set1_epi8(static_cast<char>(0x80)), ones = _mm256_set1_epi16(1);
  for (int64_t page = a.page_begin, s = page * kKvPageTokens; page < a.page_end; s += kKvPageTokens, ++page) {
    const auto* codes = static_cast<const uint8_t*>(a.kv.k[page]);
    for (int half = 0; half < 2 && s + 8 * half < a.length; ++half) {
      __m256 score[kHeads];
      for (int h = 0; h < kHeads; ++h) score[h] = _mm256_setzero_ps();
      for (int64_t g = 0; g < a.key_dim / kGroup; ++g) {
        __m256i dot[kHeads];
        for (int h = 0; h < kHeads; ++h) dot[h] = _mm256_setzero_si256();
#pragma GCC unroll 8
        for (int64_t j = 0; j < kGroup / 4; ++j) {
          const uint8_t* at = codes + (g * (kGroup / 4) + j) * 64 + 32 * half;
          const __m256i keys = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)), offset);
          const __m256i magnitude = _mm256_abs_epi8(keys);
          for (int h = 0; h < kHeads; ++h) {
            int32_t four;
            __builtin_memcpy(&four, queries[h].q + g * kGroup + 4 * j, 4);
            const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(_mm256_set1_epi32(four), keys));
            dot[h] = _mm256_add_epi32(dot[h], _mm256_madd_epi16(pairs, ones));
          }
        }
        const __m256 d = Scales(codes, a.key_dim, g, half);
        for (int h = 0; h < kHeads; ++h) {
          const __m256 scale = _mm256_mul_ps(_mm256_set1_ps(queries[h].groups[g].d), d);
          score[h] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(dot[h]), score[h]);
        }
      }
      const int64_t at = s + 8 * half;
      for (int h = 0; h < kHeads; ++h) {
        float* scores = a.scores + (first_head + h) * a.length + at;
        _mm256_maskstore_ps(scores, Lanes(a.length - at), _mm256_mul_ps(score[h], _mm256_set1_ps(a.scale)));
      }
    }
  }
}

// Columns [column, column + 16) of the outputs of kHeads heads.
template <int kHeads>
void Mix(const AttendArgs& a, int64_t first_head, int64_t column, const float* factors) {
  __m256 sum[kHeads][2];
  for (int h = 0; h < kHeads; ++h) sum[h][0] = sum[h][1] = _mm256_setzero_ps();
  for (int64_t s = 0, page = 0; s < a.length; s += kKvPageTokens, ++page) {
    const auto* values = static_cast<const uint8_t*>(a.kv.v[page]) + column;
    const int64_t left = a.length - s, tokens = left < kKvPageTokens ? left : kKvPageTokens;
    alignas(32) float weights[kHeads][kKvPageTokens];
    for (int half = 0; half < 2; ++half) {
      const __m256 d = Scales(a.kv.v[page], a.value_dim, column / kGroup, half);
      const __m256i lanes = Lanes(left - 8 * half);
      for (int h = 0; h < kHeads; ++h) {
        const float* scores = a.scores + (first_head + h) * a.length + s + 8 * half;
        _mm256_store_ps(weights[h] + 8 * half, _mm256_mul_ps(_mm256_maskload_ps(scores, lanes), d));
      }
    }
    for (int64_t t = 0; t < tokens; ++t, values += a.value_dim) {
      const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
      const __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes));
      const __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(codes, 8)));
      for (int h = 0; h < kHeads; ++h) {
        const __m256 weight = _mm256_set1_ps(weights[h][t]);
        sum[h][0] = _mm256_fmadd_ps(weight, low, sum[h][0]);
        sum[h][1] = _mm256_fmadd_ps(weight, high, sum[h][1]);
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    const __m256 factor = _mm256_set1_ps(factors[h]);
    float* out = a.out + (first_head + h) * a.out_stride + column;
    for (int w = 0; w < 2; ++w) _mm256_storeu_ps(out + 8 * w, _mm256_mul_ps(sum[h][w], factor));
  }
}

template <int kHeads>
void Heads(const AttendArgs& a, int64_t first_head) {
  Query queries[kHeads];
  for (int h = 0; a.page_begin < a.page_end && h < kHeads; ++h) {
    Query& query = queries[h];
    QuantiseRowAvx2(a.q + (first_head + h) * a.q_stride, a.key_dim, query.q, query.groups);
  }
  Scores<kHeads>(a, first_head, queries);
  float* factors = a.factors + first_head;
  for (int h = 0; a.weights && h < kHeads; ++h) factors[h] = 1.0f / Weigh(a, first_head + h);
  for (int64_t column = a.column_begin; column < a.column_end; column += 16) Mix<kHeads>(a, first_head, column, factors);
}

}  // namespace

void AttendInt8Avx2(const AttendArgs& a) {
  InGroups<4>(a.heads, [&](auto heads, int64_t head) { Heads<heads.value>(a, head); });
}

}  // namespace pith
#endif
