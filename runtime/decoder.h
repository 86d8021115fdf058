// One forward pass of a decoder as base/model/model_config.h describes it, over a batch of rows, each with its place in a paged KV cache and its adapter.
//
// Shapes: M rows, D model, N query heads, K KV heads, H head size of queries and keys, U of values, F feed-forward, R rank, V vocabulary.
// A row's result depends on its own token, position, adapter and KV alone, bit for bit, whatever else is in the batch.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/packed_adapter.h"
#include "base/model/base_model.h"
#include "base/thread_pool.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/linear.h"
#include "runtime/kv_cache.h"

namespace pith {

struct BatchRow {
  int32_t token;
  int64_t position;
  const int32_t* pages;  // of its sequence: at least those that hold [0, position]; its own not shared
};

// Consecutive rows with one adapter (nullptr: none).
struct AdapterGroup {
  int64_t begin, end;
  const PackedAdapter* adapter;
};

struct Batch {
  std::vector<BatchRow> rows;             // of one sequence in order of position
  std::vector<AdapterGroup> groups;       // cover all rows
  std::vector<int32_t> logit_rows;        // indices of the rows whose logits are wanted, in order of output
  std::vector<int32_t> hidden_rows = {};  // and of those whose hidden states are
};

class Decoder {
 public:
  Decoder(std::shared_ptr<const BaseModel> base, ActivationType activations);

  // How this processor reads the weights best (linear_plan.h). Results do not hang on it.
  void ChoosePlans(ThreadPool& pool) const;
  // Writes the rows' KV, the logits of batch.logit_rows (V floats each) and the hidden states of batch.hidden_rows: the last layer's,
  // normed as the output matrix takes them (D floats each). Of the first `num_layers` layers, behind which norm and head follow at once.
  void Run(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t num_layers, float* logits, float* hidden);

  int64_t weights_bytes() const;
  int64_t scratch_bytes() const;

 private:
  // One weight of a layer applied to shared input rows: y (+)= x Wᵀ + scale · (x Aᵀ) Bᵀ.
  struct Target {
    int kind;  // index into kLinearKinds
    float* y_MO;
    int64_t y_stride;
    bool accumulate;
  };
  struct Layer {
    TensorView weights[kNumLinearKinds];
    std::vector<float> attn_norm_D, ffn_norm_D;
    std::vector<float> bias_q, bias_k, bias_v, q_norm_H, k_norm_H, post_attention_norm_D, post_ffw_norm_D;  // empty where there are none
  };

  struct ThreadScratch {  // k, v: by page; of those that a part of attention reads
    std::vector<const void*> k, v;
    std::vector<float> scores;
    std::vector<AttendQuery> queries;
  };
  struct RowBlock {  // of one sequence, one position after the other: attention reads keys and values once for all of them
    int64_t begin, end;
  };

  void Reserve(ThreadPool& pool, const Batch& batch);
  void DivideIntoBlocks(const Batch& batch, int64_t positions);
  void ReserveAngles(int64_t positions);
  void Embed(ThreadPool& pool, const Batch& batch);
  void Norm(ThreadPool& pool, int64_t rows, const float* x_MD, const std::vector<float>& weight_D, float* y_MD);
  void Project(ThreadPool& pool, const Batch& batch, int64_t layer, const float* x_MI, int64_t in,
               std::span<const Target> targets);
  // x += W in, normed in between where `norm_D` has values.
  void AddTo(ThreadPool& pool, const Batch& batch, int64_t layer, int kind, const float* in_MI, int64_t in, const std::vector<float>& norm_D);
  void PlaceKeys(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer);
  void Attention(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer);
  // The same where there are fewer rows and KV heads than threads: these share each row's tokens, then its columns.
  void SharedAttention(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer);
  // The part of a block's query heads over one KV head; `part` is over all of its pages or columns.
  void Attend(const KvCache& cache, const Batch& batch, const RowBlock& block, int64_t layer, int64_t kv_head, ThreadScratch& scratch, float* scores,
              const AttendPart& part);
  void OutputNorm(ThreadPool& pool, const std::vector<int32_t>& rows, float* y_MD);
  void Head(ThreadPool& pool, const Batch& batch, float* logits);

  std::shared_ptr<const BaseModel> base_;
  const ModelConfig& config_;
  ActivationType activations_;
  Isa isa_;
  TensorView embedding_VD_, output_VD_;
  std::vector<float> output_norm_D_;
  std::vector<Layer> layers_;

  // Scratch: grows to the largest batch seen and stays.
  PreparedRows prepared_;
  std::deque<PreparedRows> low_prepared_;  // x Aᵀ of each pair of a pass
  std::vector<float> x_MD_, h_MD_, qkv_, attention_, gate_up_, low_;
  struct Angles {
    std::vector<float> cos, sin;  // [position][pair]
  };
  std::vector<Angles> angles_;  // of each of the description's rotaries
  int64_t num_positions_ = 0;   // that they are known for
  std::vector<LinearJob> jobs_;
  std::vector<LowRankJob> added_;
  std::vector<ThreadScratch> threads_;
  bool shares_attention_ = false;  // of the batch at hand
  std::vector<RowBlock> blocks_;   // so too
  int64_t most_queries_ = 1;       // of a block
  std::vector<float> shared_scores_, shared_factors_;
};

}  // namespace pith
