// attention.h with NEON, for head sizes that are multiples of 16. Query heads share each load of K and V.
//
// Scores are lanes of sums over the head, in order; one output lane is summed over tokens in order. Neither depends on how
// many heads are served together.
#if defined(__aarch64__)
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/softmax_neon.h"

namespace pith {
namespace {

struct Eight {
  float32x4_t low, high;
};

template <bool kF16>
inline Eight Load(const void* page, int64_t index) {
  if (!kF16) {
    const float* at = static_cast<const float*>(page) + index;
    return {vld1q_f32(at), vld1q_f32(at + 4)};
  }
  const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(static_cast<const uint16_t*>(page) + index));
  return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
}

// Scores of kHeads heads for all tokens, a page of four registers at a time.
template <bool kF16, int kHeads>
void Scores(const AttendArgs& a, int64_t first_head) {
  const float* q = a.q + first_head * a.q_stride;
  for (int64_t page = a.page_begin, s = page * kKvPageTokens; page < a.page_end; s += kKvPageTokens, ++page) {
    Eight sum[kHeads][2];
    for (int h = 0; h < kHeads; ++h) {
      for (int half = 0; half < 2; ++half) sum[h][half].low = sum[h][half].high = vdupq_n_f32(0.0f);
    }
    for (int64_t i = 0; i < a.key_dim; ++i) {
      for (int half = 0; half < 2; ++half) {
        const Eight keys = Load<kF16>(a.kv.k[page], i * kKvPageTokens + 8 * half);
        for (int h = 0; h < kHeads; ++h) {
          const float component = q[h * a.q_stride + i];
          sum[h][half].low = vfmaq_n_f32(sum[h][half].low, keys.low, component);
          sum[h][half].high = vfmaq_n_f32(sum[h][half].high, keys.high, component);
        }
      }
    }
    for (int h = 0; h < kHeads; ++h) {
      const float32x4_t quarters[4] = {sum[h][0].low, sum[h][0].high, sum[h][1].low, sum[h][1].high};
      float* scores = a.scores + (first_head + h) * a.length;
      for (int64_t i = 0, at = s; i < 4 && at < a.length; ++i, at += 4) {
        StoreFirst(scores + at, a.length - at, vmulq_n_f32(quarters[i], a.scale));
      }
    }
  }
}

// Sixteen columns of the outputs of kHeads heads, from column `column` on.
template <bool kF16, int kHeads>
void Mix(const AttendArgs& a, int64_t first_head, int64_t column, const float* factors) {
  Eight sum[kHeads][2];
  for (int h = 0; h < kHeads; ++h) {
    for (int w = 0; w < 2; ++w) sum[h][w].low = sum[h][w].high = vdupq_n_f32(0.0f);
  }
  const float* scores = a.scores + first_head * a.length;
  for (int64_t s = 0, page = 0; s < a.length; ++page) {
    const int64_t stop = s + kKvPageTokens < a.length ? s + kKvPageTokens : a.length;
    const void* v = a.kv.v[page];
    for (int64_t at = column; s < stop; ++s, at += a.value_dim) {
      const Eight value[2] = {Load<kF16>(v, at), Load<kF16>(v, at + 8)};
      for (int h = 0; h < kHeads; ++h) {
        const float32x4_t weight = vdupq_n_f32(scores[h * a.length + s]);
        for (int w = 0; w < 2; ++w) {
          sum[h][w].low = vfmaq_f32(sum[h][w].low, weight, value[w].low);
          sum[h][w].high = vfmaq_f32(sum[h][w].high, weight, value[w].high);
        }
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    float* out = a.out + (first_head + h) * a.out_stride + column;
    for (int w = 0; w < 2; ++w) {
      vst1q_f32(out + 8 * w, vmulq_n_f32(sum[h][w].low, factors[h]));
      vst1q_f32(out + 8 * w + 4, vmulq_n_f32(sum[h][w].high, factors[h]));
    }
  }
}

template <bool kF16, int kHeads>
void Heads(const AttendArgs& a, int64_t first_head) {
  Scores<kF16, kHeads>(a, first_head);
  float* factors = a.factors + first_head;
  for (int h = 0; a.weights && h < kHeads; ++h) factors[h] = 1.0f / Weigh(a, first_head + h);
  for (int64_t column = a.column_begin; column < a.column_end; column += 16) Mix<kF16, kHeads>(a, first_head, column, factors);
}

template <bool kF16>
void AllHeads(const AttendArgs& a) {
  InGroups<4>(a.heads, [&](auto heads, int64_t head) { Heads<kF16, heads.value>(a, head); });
}

}  // namespace

void AttendNeon(const AttendArgs& args) {
  switch (args.kv.type) {
    case KvType::kF32: AllHeads<false>(args); return;
    case KvType::kF16: AllHeads<true>(args); return;
    case KvType::kInt8: AttendInt8Neon(args); return;
  }
}

}  // namespace pith
#endif
