// Attention of query heads over a paged KV cache.
#pragma once

#include <cstdint>

namespace pith {

inline constexpr int64_t kKvPageTokens = 16;

// Keys and values of one KV head of one layer, in pages of 16 tokens. A page of keys is [H][16]: one load takes the same
// component of 16 keys, so that their scores are sums side by side. A page of values is [16][H].
struct KvPages {
  const void* const* k = nullptr;  // one pointer per page
  const void* const* v = nullptr;
  bool f16 = false;                // else f32
};

// out_H = Σ_s softmax_s(q_H · k_s · scale) v_s over the first `length` tokens. `scores`: scratch of `length` floats.
// A score is summed over H in order, the output over tokens in order: a result does not depend on how it is batched. Tokens
// past `length` in the last page may hold anything.
void Attend(const float* q, const KvPages& kv, int64_t length, int64_t head_dim, float scale, float* scores, float* out);

// The same for `num_heads` query heads that share this KV head (grouped-query attention): keys and values are read once.
// Head h: q + h·q_stride, out + h·out_stride. `scores`: scratch of num_heads · length floats. Every head's result is
// bitwise that of Attend().
void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t length,
                 int64_t head_dim, float scale, float* scores, float* out, int64_t out_stride);

}  // namespace pith
