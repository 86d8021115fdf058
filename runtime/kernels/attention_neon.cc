// attention.h with NEON, for head sizes that are multiples of 16. Query heads share each load of K and V.
//
// One score is summed in two registers of four lanes over the head and folded by one tree; one output lane is summed over
// tokens in order. Neither depends on how many heads are served together.
#if defined(__aarch64__)
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/exp_neon.h"

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

// Scores of kHeads heads for all tokens.
template <bool kF16, int kHeads>
void Scores(const AttendArgs& a, int64_t first_head) {
  const int64_t H = a.head_dim;
  const float* q = a.q + first_head * a.q_stride;
  float* scores = a.scores + first_head * a.length;
  for (int64_t s = 0, page = 0; s < a.length; ++page) {
    const int64_t stop = s + a.kv.page_tokens < a.length ? s + a.kv.page_tokens : a.length;
    const void* k = a.kv.k[page];
    for (int64_t at = 0; s < stop; ++s, at += H) {
      Eight sum[kHeads];
      for (int h = 0; h < kHeads; ++h) sum[h].low = sum[h].high = vdupq_n_f32(0.0f);
      for (int64_t i = 0; i < H; i += 8) {
        const Eight key = Load<kF16>(k, at + i);
        for (int h = 0; h < kHeads; ++h) {
          const Eight query = Load<false>(q + h * a.q_stride, i);
          sum[h].low = vfmaq_f32(sum[h].low, query.low, key.low);
          sum[h].high = vfmaq_f32(sum[h].high, query.high, key.high);
        }
      }
      for (int h = 0; h < kHeads; ++h) scores[h * a.length + s] = vaddvq_f32(vaddq_f32(sum[h].low, sum[h].high)) * a.scale;
    }
  }
}

// Turns scores into e^(score − max); returns their sum.
float Softmax(float* scores, int64_t length) {
  const float lowest = -__builtin_inff();
  float32x4_t tops = vdupq_n_f32(lowest);
  for (int64_t i = 0; i < length; i += 4) tops = vmaxq_f32(tops, LoadFirst(scores + i, length - i, lowest));
  const float32x4_t top = vdupq_n_f32(vmaxvq_f32(tops));
  float32x4_t sum = vdupq_n_f32(0.0f);
  for (int64_t i = 0; i < length; i += 4) {
    const float32x4_t e = Exp(vsubq_f32(LoadFirst(scores + i, length - i, lowest), top));
    StoreFirst(scores + i, length - i, e);
    sum = vaddq_f32(sum, e);
  }
  return vaddvq_f32(sum);
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
    const int64_t stop = s + a.kv.page_tokens < a.length ? s + a.kv.page_tokens : a.length;
    const void* v = a.kv.v[page];
    for (int64_t at = column; s < stop; ++s, at += a.head_dim) {
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
  float factors[kHeads];
  for (int h = 0; h < kHeads; ++h) factors[h] = 1.0f / Softmax(a.scores + (first_head + h) * a.length, a.length);
  for (int64_t column = 0; column < a.head_dim; column += 16) Mix<kF16, kHeads>(a, first_head, column, factors);
}

template <bool kF16>
void AllHeads(const AttendArgs& a) {
  int64_t head = 0;
  for (; head + 4 <= a.heads; head += 4) Heads<kF16, 4>(a, head);
  switch (a.heads - head) {
    case 3: Heads<kF16, 3>(a, head); break;
    case 2: Heads<kF16, 2>(a, head); break;
    case 1: Heads<kF16, 1>(a, head); break;
    default: break;
  }
}

}  // namespace

void AttendNeon(const AttendArgs& args) { args.kv.f16 ? AllHeads<true>(args) : AllHeads<false>(args); }

}  // namespace pith
#endif
