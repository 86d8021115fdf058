// attention.h over an INT8 cache for Arm, for head sizes that are multiples of 32. `Dot` says how the products of bytes are
// summed; integer sums are exact, so every version gives the same bits.
//
// A page of keys is laid out so that one register holds four components of four keys: sixteen scores are lanes of four sums.
// Values are widened to floats; their scales are multiplied into the weights of the tokens, a page at a time.
#pragma once
#if defined(__aarch64__)
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"
#include "runtime/kernels/softmax_neon.h"

namespace pith {
namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kQuarters = kKvPageTokens / 4;

struct Query {
  alignas(16) int8_t q[kMaxHeadDim];
  RowGroup groups[kMaxHeadDim / kGroup];
};

// The scales of one group of four tokens of a page.
inline float32x4_t GroupScales(const void* page, int64_t head_dim, int64_t group, int64_t quarter) {
  const auto* at = static_cast<const uint8_t*>(page) + kKvPageTokens * head_dim + (group * kKvPageTokens + 4 * quarter) * 2;
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(at)));
}

template <class Dot, int kHeads>
void Scores(const AttendArgs& a, int64_t first_head, const Query* queries) {
  const int64_t groups = a.key_dim / kGroup;
  for (int64_t page = a.page_begin, s = page * kKvPageTokens; page < a.page_end; s += kKvPageTokens, ++page) {
    const auto* codes = static_cast<const uint8_t*>(a.kv.k[page]);
    float32x4_t score[kHeads][kQuarters];
    for (int h = 0; h < kHeads; ++h) {
      for (int i = 0; i < kQuarters; ++i) score[h][i] = vdupq_n_f32(0.0f);
    }
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t i = 0; i < kQuarters; ++i) {
        int32x4_t dot[kHeads];
        for (int h = 0; h < kHeads; ++h) dot[h] = vdupq_n_s32(0);
        for (int64_t half = 0; half < 2; ++half) {
          int8x16_t keys[4];  // four components of four keys each
          for (int64_t j = 0; j < 4; ++j) {
            const int64_t at = ((g * 8 + half * 4 + j) * kQuarters + i) * 16;
            keys[j] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes + at), vdupq_n_u8(0x80)));
          }
          for (int h = 0; h < kHeads; ++h) {
            dot[h] = Dot::AddProducts(dot[h], keys, vld1q_s8(queries[h].q + g * kGroup + half * 16));
          }
        }
        const float32x4_t d = GroupScales(codes, a.key_dim, g, i);
        for (int h = 0; h < kHeads; ++h) {
          score[h][i] = vfmaq_f32(score[h][i], vmulq_n_f32(d, queries[h].groups[g].d), vcvtq_f32_s32(dot[h]));
        }
      }
    }
    for (int h = 0; h < kHeads; ++h) {
      float* scores = a.scores + (first_head + h) * a.length;
      for (int64_t i = 0, at = s; i < kQuarters && at < a.length; ++i, at += 4) {
        StoreFirst(scores + at, a.length - at, vmulq_n_f32(score[h][i], a.scale));
      }
    }
  }
}

// Sixteen columns of the outputs of kHeads heads, from column `column` on.
template <int kHeads>
void Mix(const AttendArgs& a, int64_t first_head, int64_t column, const float* factors) {
  float32x4_t sum[kHeads][4];
  for (int h = 0; h < kHeads; ++h) {
    for (int w = 0; w < 4; ++w) sum[h][w] = vdupq_n_f32(0.0f);
  }
  for (int64_t s = 0, page = 0; s < a.length; s += kKvPageTokens, ++page) {
    const int8_t* values = static_cast<const int8_t*>(a.kv.v[page]) + column;
    const int64_t left = a.length - s, tokens = left < kKvPageTokens ? left : kKvPageTokens;
    float weights[kHeads][kKvPageTokens];
    for (int64_t i = 0; 4 * i < tokens; ++i) {
      const float32x4_t d = GroupScales(a.kv.v[page], a.value_dim, column / kGroup, i);
      for (int h = 0; h < kHeads; ++h) {
        const float* scores = a.scores + (first_head + h) * a.length + s + 4 * i;
        vst1q_f32(weights[h] + 4 * i, vmulq_f32(LoadFirst(scores, left - 4 * i, 0.0f), d));
      }
    }
    for (int64_t t = 0; t < tokens; ++t, values += a.value_dim) {
      const int8x16_t codes = vld1q_s8(values);
      const int16x8_t low = vmovl_s8(vget_low_s8(codes)), high = vmovl_high_s8(codes);
      const float32x4_t wide[4] = {vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
                                   vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))};
      for (int h = 0; h < kHeads; ++h) {
        for (int w = 0; w < 4; ++w) sum[h][w] = vfmaq_n_f32(sum[h][w], wide[w], weights[h][t]);
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    float* out = a.out + (first_head + h) * a.out_stride + column;
    for (int w = 0; w < 4; ++w) vst1q_f32(out + 4 * w, vmulq_n_f32(sum[h][w], factors[h]));
  }
}

template <class Dot, int kHeads>
void Int8Heads(const AttendArgs& a, int64_t first_head) {
  Query queries[kHeads];
  for (int h = 0; a.page_begin < a.page_end && h < kHeads; ++h) {
    Query& query = queries[h];
    QuantiseRowNeon(a.q + (first_head + h) * a.q_stride, a.key_dim, query.q, query.groups);
  }
  Scores<Dot, kHeads>(a, first_head, queries);
  float* factors = a.factors + first_head;
  for (int h = 0; a.weights && h < kHeads; ++h) factors[h] = 1.0f / Weigh(a, first_head + h);
  for (int64_t column = a.column_begin; column < a.column_end; column += 16) Mix<kHeads>(a, first_head, column, factors);
}

template <class Dot>
void AttendInt8(const AttendArgs& a) {
  InGroups<4>(a.heads, [&](auto heads, int64_t head) { Int8Heads<Dot, heads.value>(a, head); });
}

}  // namespace
}  // namespace pith
#endif
