// Attention of query heads over a paged KV cache.
#pragma once

#include <cstdint>
#include <span>

namespace pith {

inline constexpr int64_t kKvPageTokens = 16;
inline constexpr int64_t kMaxHeadDim = 1024;  // the largest head size

enum class KvType { kF32, kF16, kInt8 };

// Keys and values of one KV head of one layer, in pages of 16 tokens; a key has H values, a value U. A page of keys is [H][16]: one
// load takes the same component of 16 keys, so that their scores are sums side by side. A page of values is [16][U].
//
// kInt8: every 32 values of a token share a scale d (f16), x = d · q, |q| ≤ 127. Keys are [H/4][16][4] bytes q + 128, the order
// that byte products take; values [16][U] bytes q; the scales follow as [H/32][16] and [U/32][16].
struct KvPages {
  const void* const* k = nullptr;  // one pointer per page
  const void* const* v = nullptr;
  KvType type = KvType::kF32;
};

// Bytes of a page of keys, or of values, of that head size. kInt8 needs a multiple of 32.
constexpr int64_t KvPageBytes(KvType type, int64_t head_dim) {
  if (type == KvType::kInt8) return kKvPageTokens * head_dim + kKvPageTokens * head_dim / 32 * 2;
  return kKvPageTokens * head_dim * (type == KvType::kF16 ? 2 : 4);
}
// Stores token `token` of a page: H floats of k and U of v, rounded to the type.
void StoreKv(KvType type, int64_t key_dim, int64_t value_dim, int64_t token, const float* k, const float* v, void* k_page, void* v_page);

// Rounds to nearest even, as F32ToF16 of base/tensor_type.h, many at a time.
void FloatsToF16(const float* in, uint16_t* out, int64_t count);

// What becomes of q·k before the softmax: cap(scale · q·k), cap(s) = soft_cap · tanh(s / soft_cap) where soft_cap > 0.
struct ScoreRule {
  float scale;
  float soft_cap = 0;
};

// The query heads of one token, and the tokens that it sees: first ≤ s < length.
struct AttendQuery {
  const float* q;
  float* out;
  int64_t first, length;
};

// A part of attention, so that several threads can share one token's: scores of some pages; then, all scores known, weights; then some columns
// of the output. Together they give the bits of the whole.
struct AttendPart {
  enum Step { kWhole, kScores, kWeights, kColumns } step = kWhole;
  int64_t begin = 0, end = 0;  // kScores: pages, counted from the one that holds the first query's `first`; kColumns: of a value, multiples of kAttendColumns or its end
  float* factors = nullptr;    // one of each query's heads, from kWeights to kColumns
};
inline constexpr int64_t kAttendColumns = 32;

// Attention of the `num_heads` query heads that share one KV head (grouped-query attention), of one token or of several of a sequence: keys and
// values are read once for as many heads and tokens as kMostAttendRows allows.
//   out_U = Σ_s softmax_s(rule(q_H · k_s)) v_s  over the tokens first ≤ s < length
// Head h: q + h·q_stride, out + h·out_stride. `scores`: scratch of num_heads · length floats for each query. Pages before first's are not read.
//
// A score is summed over H in order, the output over tokens in order: a result does not depend on how it is batched or shared out, nor on
// num_heads, nor on the other queries. Tokens past `length` in its last page may hold anything; those before `first` in its page hold what was stored there.
// Over kInt8 keys q_H is quantised as activations are (linear.h, kInt8), and a score is Σ over groups of 32 of d_q · d_k · Σ q_q q_k.
void AttendHeads(std::span<const AttendQuery> queries, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t key_dim, int64_t value_dim,
                 const ScoreRule& rule, float* scores, int64_t out_stride, const AttendPart& part = {});
inline constexpr int64_t kMostAttendRows = 32;  // heads times tokens

}  // namespace pith
