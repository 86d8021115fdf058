// Attention of query heads over a paged KV cache.
#pragma once

#include <cstdint>

namespace pith {

// Keys and values of one KV head of one layer, as pages of `page_tokens` tokens, [token][H] in each page.
struct KvPages {
  const void* const* k = nullptr;  // one pointer per page
  const void* const* v = nullptr;
  int64_t page_tokens = 0;
  bool f16 = false;                // else f32
};

// out_H = Σ_s softmax_s(q_H · k_s · scale) v_s over the first `length` tokens. `scores`: scratch of `length` floats.
// The order of summation is that of the tokens: a result does not depend on how it is batched.
void Attend(const float* q, const KvPages& kv, int64_t length, int64_t head_dim, float scale, float* scores, float* out);

// The same for `num_heads` query heads that share this KV head (grouped-query attention): keys and values are read once.
// Head h: q + h·q_stride, out + h·out_stride. `scores`: scratch of num_heads · length floats. Every head's result is
// bitwise that of Attend().
void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t length,
                 int64_t head_dim, float scale, float* scores, float* out, int64_t out_stride);

}  // namespace pith
