#include "runtime/decoder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "base/error.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/ops.h"

namespace pith {

namespace {

enum Kind { kQ, kK, kV, kO, kGate, kUp, kDown };

template <class T>
void GrowTo(std::vector<T>& v, int64_t size) {
  if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
}

// By reference: a std::function of a large lambda would be allocated.
template <class Body>
void For(ThreadPool& pool, int64_t count, int64_t grain, const Body& body) {
  pool.ParallelFor(count, grain, std::cref(body));
}

void AddTo(float* y, const std::vector<float>& bias) {
  for (size_t i = 0; i < bias.size(); ++i) y[i] += bias[i];
}

}  // namespace

Decoder::Decoder(std::shared_ptr<const BaseModel> base, ActivationType activations)
    : base_(std::move(base)), config_(base_->config()), activations_(activations), isa_(BestIsa()) {
  embedding_VD_ = base_->Tensor("token_embd.weight");
  output_VD_ = config_.tied_embeddings ? embedding_VD_ : base_->Tensor("output.weight");
  output_norm_D_ = base_->Tensor("output_norm.weight").ToF32();
  layers_.resize(static_cast<size_t>(config_.num_layers));
  for (int64_t i = 0; i < config_.num_layers; ++i) {
    Layer& layer = layers_[i];
    const std::string prefix = Str("blk.", i, ".");
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      layer.weights[kind] = base_->Tensor(prefix + kLinearKinds[kind].gguf + ".weight");
    }
    layer.attn_norm_D = base_->Tensor(prefix + "attn_norm.weight").ToF32();
    layer.ffn_norm_D = base_->Tensor(prefix + "ffn_norm.weight").ToF32();
    if (config_.qkv_bias) {
      layer.bias_q = base_->Tensor(prefix + "attn_q.bias").ToF32();
      layer.bias_k = base_->Tensor(prefix + "attn_k.bias").ToF32();
      layer.bias_v = base_->Tensor(prefix + "attn_v.bias").ToF32();
    }
  }
}

void Decoder::Run(ThreadPool& pool, const KvCache& cache, const Batch& batch, float* logits) {
  const int64_t m = static_cast<int64_t>(batch.rows.size());
  if (m == 0) return;
  Reserve(pool, batch);
  Embed(pool, batch);
  const int64_t d = config_.d_model, f = config_.d_ff;
  const int64_t q_dim = config_.q_dim(), kv_dim = config_.kv_dim(), qkv_dim = q_dim + 2 * kv_dim;
  float* x_MD = x_MD_.data();
  float* h_MD = h_MD_.data();
  for (int64_t i = 0; i < config_.num_layers; ++i) {
    Norm(pool, m, x_MD, layers_[i].attn_norm_D, h_MD);
    const Target qkv[] = {{kQ, qkv_.data(), qkv_dim, false},
                          {kK, qkv_.data() + q_dim, qkv_dim, false},
                          {kV, qkv_.data() + q_dim + kv_dim, qkv_dim, false}};
    Project(pool, batch, i, h_MD, d, qkv);
    PlaceKeys(pool, cache, batch, i);
    Attention(pool, cache, batch, i);
    const Target o[] = {{kO, x_MD, d, true}};
    Project(pool, batch, i, attention_.data(), q_dim, o);

    Norm(pool, m, x_MD, layers_[i].ffn_norm_D, h_MD);
    float* gate_MF = gate_up_.data();
    float* up_MF = gate_MF + m * f;
    const Target gate_up[] = {{kGate, gate_MF, f, false}, {kUp, up_MF, f, false}};
    Project(pool, batch, i, h_MD, d, gate_up);
    For(pool, m, 4, [&](int64_t begin, int64_t end, int) {
      SwiGlu(gate_MF + begin * f, up_MF + begin * f, gate_MF + begin * f, (end - begin) * f);
    });
    const Target down[] = {{kDown, x_MD, d, true}};
    Project(pool, batch, i, gate_MF, f, down);
  }
  Head(pool, batch, logits);
}

void Decoder::Reserve(ThreadPool& pool, const Batch& batch) {
  const int64_t m = static_cast<int64_t>(batch.rows.size());
  GrowTo(x_MD_, m * config_.d_model);
  GrowTo(h_MD_, m * config_.d_model);
  GrowTo(qkv_, m * (config_.q_dim() + 2 * config_.kv_dim()));
  GrowTo(attention_, m * config_.q_dim());
  GrowTo(gate_up_, m * 2 * config_.d_ff);
  int64_t positions = 0;
  for (const BatchRow& row : batch.rows) positions = std::max(positions, row.position + 1);
  const int64_t half = config_.head_dim / 2;
  for (int64_t p = static_cast<int64_t>(sin_.size()) / half; p < positions; ++p) {  // the one that grows last
    cos_.resize(static_cast<size_t>((p + 1) * half));
    sin_.resize(static_cast<size_t>((p + 1) * half));
    RopeTable(p, config_.head_dim, config_.rope_theta, cos_.data() + p * half, sin_.data() + p * half);
  }
  threads_.resize(static_cast<size_t>(pool.num_threads()));
  for (ThreadScratch& scratch : threads_) {
    GrowTo(scratch.k, KvCache::PagesFor(positions));
    GrowTo(scratch.v, KvCache::PagesFor(positions));
    GrowTo(scratch.scores, positions * (config_.num_heads / config_.num_kv_heads));
  }
}

void Decoder::Embed(ThreadPool& pool, const Batch& batch) {
  const int64_t d = config_.d_model;
  For(pool, static_cast<int64_t>(batch.rows.size()), 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      Dequantise(embedding_VD_.type, embedding_VD_.row(batch.rows[r].token), x_MD_.data() + r * d, d);
    }
  });
}

void Decoder::Norm(ThreadPool& pool, int64_t rows, const float* x_MD, const std::vector<float>& weight_D,
                   float* y_MD) {
  const int64_t d = config_.d_model;
  For(pool, rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      RmsNorm(x_MD + r * d, weight_D.data(), y_MD + r * d, d, static_cast<float>(config_.rms_norm_eps));
    }
  });
}

// x Wᵀ of all rows, and what each group's adapter adds to its own, in one pass over the pool.
void Decoder::Project(ThreadPool& pool, const Batch& batch, int64_t layer, const float* x_MI, int64_t in,
                      std::span<const Target> targets) {
  const int64_t m = static_cast<int64_t>(batch.rows.size());
  prepared_.Prepare(x_MI, m, in, in, activations_, isa_, &pool);
  jobs_.clear();
  for (const Target& t : targets) {
    jobs_.push_back({.w = layers_[layer].weights[t.kind], .x = &prepared_, .y = t.y_MO, .y_stride = t.y_stride,
                     .accumulate = t.accumulate});
  }
  int64_t max_rank = 0;
  for (const AdapterGroup& group : batch.groups) {
    if (group.adapter) max_rank = std::max(max_rank, group.adapter->rank());
  }
  GrowTo(low_, m * max_rank * static_cast<int64_t>(targets.size()));
  while (low_prepared_.size() < batch.groups.size() * targets.size()) low_prepared_.emplace_back();
  added_.clear();
  float* low = low_.data();
  for (const AdapterGroup& group : batch.groups) {
    if (!group.adapter) continue;
    for (size_t t = 0; t < targets.size(); ++t) {
      const PackedPair& pair = group.adapter->pair(layer, targets[t].kind);
      if (!pair.a) continue;
      added_.push_back({.job = t, .a = pair.a, .b = pair.b, .scale = pair.scale, .begin = group.begin, .end = group.end, .low = low,
                        .low_rows = &low_prepared_[added_.size()]});
      low += (group.end - group.begin) * pair.a.rows;
    }
  }
  Linear(pool, jobs_, added_);
}

void Decoder::PlaceKeys(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer) {
  const int64_t head_dim = config_.head_dim, half = head_dim / 2;
  const int64_t q_dim = config_.q_dim(), kv_dim = config_.kv_dim();
  For(pool, static_cast<int64_t>(batch.rows.size()), 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const BatchRow& row = batch.rows[r];
      float* q = qkv_.data() + r * (q_dim + 2 * kv_dim);
      float* k = q + q_dim;
      float* v = k + kv_dim;
      if (config_.qkv_bias) {
        AddTo(q, layers_[layer].bias_q);
        AddTo(k, layers_[layer].bias_k);
        AddTo(v, layers_[layer].bias_v);
      }
      const float* cos = cos_.data() + row.position * half;
      const float* sin = sin_.data() + row.position * half;
      for (float* head = q; head < v; head += head_dim) Rope(head, cos, sin, head_dim, config_.rope);
      cache.Write(row.pages[row.position / KvCache::kPageTokens], layer, row.position % KvCache::kPageTokens, k, v);
    }
  });
}

void Decoder::Attention(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer) {
  const int64_t m = static_cast<int64_t>(batch.rows.size());
  const int64_t head_dim = config_.head_dim, q_dim = config_.q_dim(), qkv_dim = q_dim + 2 * config_.kv_dim();
  const int64_t kv_heads = config_.num_kv_heads, heads_per_kv = config_.num_heads / kv_heads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  For(pool, m * kv_heads, 1, [&](int64_t begin, int64_t end, int thread) {
    ThreadScratch& scratch = threads_[static_cast<size_t>(thread)];
    for (int64_t task = begin; task < end; ++task) {
      // Later rows of a prompt see more tokens: early and late ones alternate, so that threads get equal work.
      const int64_t place = task / kv_heads, kv_head = task % kv_heads;
      const int64_t r = place % 2 == 0 ? place / 2 : m - 1 - place / 2;
      const BatchRow& row = batch.rows[r];
      const int64_t length = row.position + 1;
      for (int64_t p = 0; p < KvCache::PagesFor(length); ++p) {
        scratch.k[p] = cache.K(row.pages[p], layer, kv_head);
        scratch.v[p] = cache.V(row.pages[p], layer, kv_head);
      }
      const KvPages pages{scratch.k.data(), scratch.v.data(), cache.type()};
      const int64_t head = kv_head * heads_per_kv;
      AttendHeads(qkv_.data() + r * qkv_dim + head * head_dim, head_dim, heads_per_kv, pages, length, head_dim, scale,
                  scratch.scores.data(), attention_.data() + r * q_dim + head * head_dim, head_dim);
    }
  });
}

void Decoder::Head(ThreadPool& pool, const Batch& batch, float* logits) {
  const int64_t wanted = static_cast<int64_t>(batch.logit_rows.size()), d = config_.d_model;
  if (wanted == 0) return;
  For(pool, wanted, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      RmsNorm(x_MD_.data() + batch.logit_rows[i] * d, output_norm_D_.data(), h_MD_.data() + i * d, d,
              static_cast<float>(config_.rms_norm_eps));
    }
  });
  prepared_.Prepare(h_MD_.data(), wanted, d, d, activations_, isa_, &pool);
  const LinearJob job{.w = output_VD_, .x = &prepared_, .y = logits, .y_stride = config_.vocab_size};
  Linear(pool, {&job, 1});
}

int64_t Decoder::weights_bytes() const {
  int64_t bytes = 0;
  for (const std::string& name : base_->names()) bytes += static_cast<int64_t>(base_->Tensor(name).bytes());
  return bytes;
}

int64_t Decoder::scratch_bytes() const {
  size_t floats = x_MD_.size() + h_MD_.size() + qkv_.size() + attention_.size() + gate_up_.size() + low_.size() +
                  cos_.size() + sin_.size();
  size_t bytes = floats * sizeof(float);
  for (const ThreadScratch& s : threads_) bytes += s.scores.size() * sizeof(float) + 2 * s.k.size() * sizeof(void*);
  return static_cast<int64_t>(bytes);
}

}  // namespace pith
