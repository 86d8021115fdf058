// Causal attention of packed sequences over their own keys and those of a prefix that somebody else computed (the prompt,
// by the bare base, without gradient).
//
// Shape suffixes: M rows (tokens of all sequences, packed one after the other), N heads, K KV heads, H head size of queries and keys,
// U of values, S cache length.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "base/model/model_config.h"

namespace pith {

// Keys (rotated, float32) and values (compute type) of packed token rows, one tensor per layer: rows × (K·H), rows × (K·U).
struct KvRows {
  std::vector<at::Tensor> k, v;
};

// `length` rows from `begin` on.
struct KvSpan {
  std::shared_ptr<const KvRows> rows;
  int64_t begin = 0, length = 0;
};

// One sequence of a batch: its rows in the packed matrices, and the spans of the cache before them, in order of position.
struct PackedSequence {
  int64_t row = 0, length = 0;
  std::vector<KvSpan> prefix;
  int64_t prefix_length = 0;  // Σ length of the spans: the position of this sequence's first row
};

// What is the same for all layers of a forward pass.
struct AttentionPlan {
  std::vector<PackedSequence> sequences;
  int64_t num_rows = 0, max_total = 0;  // max_total: prefix + own rows, the longest
  ModelConfig model;
  struct Angles {
    at::Tensor cos, sin;  // positions × pairs, float32
  };
  std::vector<Angles> angles;  // of each of the model's rotaries
  at::Tensor ones, zeros;      // H/2 each: what turns nothing

  // Fills max_total and the rotation tables from `sequences`.
  void Finish(const ModelConfig& config);
};

// qkv_M((N+K)·H + K·U), not yet rotated → M×(N·U) with `slack` columns behind each row. Differentiable in qkv, which is all that is kept
// for the gradients: memory grows linearly with the sequences' lengths (train/model/attention_head.h). When `keep` is given, the
// rotated keys and the values of all rows are appended to it as the next layer.
at::Tensor Attention(const at::Tensor& qkv, std::shared_ptr<const AttentionPlan> plan, int64_t layer, int64_t slack,
                     KvRows* keep);
// Only the keeping: for the last layer of a prompt, whose output nobody reads.
void KeepKv(const at::Tensor& qkv, const AttentionPlan& plan, int64_t layer, KvRows* keep);

}  // namespace pith
