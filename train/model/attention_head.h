// One KV head of one sequence with the G = N/K query heads that read it: the unit of attention's work, done in one thread.
//
// Queries are taken a tile of tokens at a time, all G heads of them, over the keys up to the tile's last token. Probabilities
// exist for one tile alone: nothing of a tile is kept for the gradients, which make it anew by the same products (Rabe and
// Staats, arXiv 2112.05682; Dao et al., arXiv 2205.14135). A tile holds whole rows, so its softmax needs no running maximum.
//
//   q: (G·t) × H      k: S × H      v: S × U      scores, p: (G·t) × s, s ≤ S what the tile sees
#pragma once

#include <ATen/core/Tensor.h>

#include "train/model/attention.h"

namespace pith {

struct AttentionHead {
  const AttentionPlan& plan;
  int64_t layer;
  const PackedSequence& sequence;
  int64_t kv_head;
};

// qkv: M×((N+K)·H + K·U), not yet rotated. Fills this head's columns of the sequence's rows of out, whose rows are `stride` values long.
void AttendHead(const AttentionHead& head, const at::Tensor& qkv, const at::Tensor& out, int64_t stride);
// g_out: M×(N·U). Fills this head's columns (queries, keys, values) of the sequence's rows of g_qkv.
void AttendHeadBackward(const AttentionHead& head, const at::Tensor& qkv, const at::Tensor& g_out, const at::Tensor& g_qkv);
// Rotated keys and values of the sequence's rows: k M×(K·H) float32, v M×(K·U) of qkv's type.
void KeepHead(const AttentionHead& head, const at::Tensor& qkv, const at::Tensor& k, const at::Tensor& v);

// Tokens of a tile over `seen` keys: as many as hold the scores to about a megabyte, a multiple of 16, by the sequence's own shape alone.
int64_t TileTokens(int64_t query_heads, int64_t seen);

}  // namespace pith
