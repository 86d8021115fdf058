#include "runtime/decoder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "base/error.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/linear_plan.h"
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

void AddBias(float* y, const std::vector<float>& bias) {
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
    for (const int kind : LinearKindsOf(config_)) {
      layer.weights[kind] = base_->Tensor(prefix + kLinearKinds[kind].gguf + ".weight");
    }
    const auto vector = [&](const char* name) { return base_->Tensor(prefix + name).ToF32(); };
    layer.attn_norm_D = vector("attn_norm.weight");
    layer.ffn_norm_D = vector("ffn_norm.weight");
    if (config_.qkv_bias) {
      layer.bias_q = vector("attn_q.bias");
      layer.bias_k = vector("attn_k.bias");
      layer.bias_v = vector("attn_v.bias");
    }
    if (config_.qk_norm) {
      PITH_CHECK(config_.rope == RopeLayout::kHalves, "norms of heads lie in that order");
      layer.q_norm_H = vector("attn_q_norm.weight");
      layer.k_norm_H = vector("attn_k_norm.weight");
    }
    if (config_.post_norms) {
      layer.post_attention_norm_D = vector("post_attention_norm.weight");
      layer.post_ffw_norm_D = vector("post_ffw_norm.weight");
    }
  }
}

void Decoder::ChoosePlans(ThreadPool& pool) const {
  if (activations_ != ActivationType::kInt8) return;
  std::vector<TensorView> matrices;
  for (const Layer& layer : layers_) {
    for (const int kind : LinearKindsOf(config_)) matrices.push_back(layer.weights[kind]);
  }
  matrices.push_back(output_VD_);
  pith::ChoosePlans(pool, matrices, isa_);
}

void Decoder::Run(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t num_layers, float* logits, float* hidden) {
  const int64_t m = static_cast<int64_t>(batch.rows.size());
  if (m == 0) return;
  Reserve(pool, batch);
  Embed(pool, batch);
  const int64_t d = config_.d_model, f = config_.d_ff;
  const int64_t q_dim = config_.q_dim(), k_dim = config_.k_dim(), qkv_dim = config_.qkv_dim();
  float* x_MD = x_MD_.data();
  float* h_MD = h_MD_.data();
  for (int64_t i = 0; i < num_layers; ++i) {
    Norm(pool, m, x_MD, layers_[i].attn_norm_D, h_MD);
    const Target qkv[] = {{kQ, qkv_.data(), qkv_dim, false},
                          {kK, qkv_.data() + q_dim, qkv_dim, false},
                          {kV, qkv_.data() + q_dim + k_dim, qkv_dim, false}};
    Project(pool, batch, i, h_MD, d, qkv);
    PlaceKeys(pool, cache, batch, i);
    Attention(pool, cache, batch, i);
    AddTo(pool, batch, i, kO, attention_.data(), config_.attention_dim(), layers_[i].post_attention_norm_D);

    Norm(pool, m, x_MD, layers_[i].ffn_norm_D, h_MD);
    float* gate_MF = gate_up_.data();  // where there is none: up
    float* up_MF = config_.has_gate() ? gate_MF + m * f : gate_MF;
    const Target gate_up[] = {{kGate, gate_MF, f, false}, {kUp, up_MF, f, false}};
    Project(pool, batch, i, h_MD, d, std::span(gate_up).subspan(config_.has_gate() ? 0 : 1));
    For(pool, m, 4, [&](int64_t begin, int64_t end, int) {
      float *gate = gate_MF + begin * f, *up = up_MF + begin * f;
      const int64_t count = (end - begin) * f;
      switch (config_.feed_forward) {
        case FeedForward::kSwiGlu: SwiGlu(gate, up, gate, count); break;
        case FeedForward::kGeGlu: GeGlu(gate, up, gate, count); break;
        case FeedForward::kReluSquared: ReluSquared(up, up, count); break;
      }
    });
    AddTo(pool, batch, i, kDown, gate_MF, f, layers_[i].post_ffw_norm_D);
  }
  OutputNorm(pool, batch.hidden_rows, hidden);
  Head(pool, batch, logits);
}

void Decoder::Reserve(ThreadPool& pool, const Batch& batch) {
  const int64_t m = static_cast<int64_t>(batch.rows.size());
  GrowTo(x_MD_, m * config_.d_model);
  GrowTo(h_MD_, m * config_.d_model);
  GrowTo(qkv_, m * config_.qkv_dim());
  GrowTo(attention_, m * config_.attention_dim());
  GrowTo(gate_up_, m * (config_.has_gate() ? 2 : 1) * config_.d_ff);
  int64_t positions = 0;
  for (const BatchRow& row : batch.rows) positions = std::max(positions, row.position + 1);
  ReserveAngles(positions);
  DivideIntoBlocks(batch, positions);
  threads_.resize(static_cast<size_t>(pool.num_threads()));
  for (ThreadScratch& scratch : threads_) {
    GrowTo(scratch.k, KvCache::PagesFor(positions));
    GrowTo(scratch.v, KvCache::PagesFor(positions));
    GrowTo(scratch.scores, positions * (config_.num_heads / config_.num_kv_heads) * most_queries_);
    scratch.queries.reserve(static_cast<size_t>(most_queries_));
  }
  constexpr int64_t kFewTokens = 256;  // are attended to sooner than threads meet
  shares_attention_ = m * config_.num_kv_heads < pool.num_threads() && positions >= kFewTokens;
  if (!shares_attention_) return;
  GrowTo(shared_scores_, m * config_.num_heads * KvCache::PagesFor(positions) * KvCache::kPageTokens);
  GrowTo(shared_factors_, m * config_.num_heads);
}

void Decoder::DivideIntoBlocks(const Batch& batch, int64_t positions) {
  constexpr int64_t kScores = 128 * 1024;  // as many of a block stay in a second-level cache beside keys and values
  const int64_t heads = config_.num_heads / config_.num_kv_heads;
  most_queries_ = std::max<int64_t>(1, std::min(kMostAttendRows / heads, kScores / (heads * positions)));
  blocks_.clear();
  for (int64_t r = 0; r < static_cast<int64_t>(batch.rows.size()); ++r) {
    const BatchRow* row = batch.rows.data() + r;
    const bool goes_on = r > 0 && row[-1].pages == row->pages && row[-1].position + 1 == row->position;
    if (!goes_on || r - blocks_.back().begin == most_queries_) blocks_.push_back({r, r});
    blocks_.back().end = r + 1;
  }
}

void Decoder::ReserveAngles(int64_t positions) {
  const int64_t pairs = config_.rotary_dim / 2;
  angles_.resize(config_.rotaries.size());
  for (; num_positions_ < positions; ++num_positions_) {  // counted when all have grown
    const auto size = static_cast<size_t>((num_positions_ + 1) * pairs);
    for (size_t r = 0; r < angles_.size(); ++r) {
      Angles& angles = angles_[r];
      angles.cos.resize(size);
      angles.sin.resize(size);
      RopeTable(num_positions_, config_.rotaries[r], angles.cos.data() + num_positions_ * pairs, angles.sin.data() + num_positions_ * pairs);
    }
  }
}

void Decoder::Embed(ThreadPool& pool, const Batch& batch) {
  const int64_t d = config_.d_model;
  const auto scale = static_cast<float>(config_.embedding_scale);
  For(pool, static_cast<int64_t>(batch.rows.size()), 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      float* x = x_MD_.data() + r * d;
      Dequantise(embedding_VD_.type, embedding_VD_.row(batch.rows[r].token), x, d);
      if (scale != 1.0f) {
        for (int64_t i = 0; i < d; ++i) x[i] *= scale;
      }
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

void Decoder::AddTo(ThreadPool& pool, const Batch& batch, int64_t layer, int kind, const float* in_MI, int64_t in, const std::vector<float>& norm_D) {
  const int64_t m = static_cast<int64_t>(batch.rows.size()), d = config_.d_model;
  const bool is_normed = !norm_D.empty();
  const Target target[] = {{kind, is_normed ? h_MD_.data() : x_MD_.data(), d, !is_normed}};
  Project(pool, batch, layer, in_MI, in, target);
  if (!is_normed) return;
  For(pool, m, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      float *h = h_MD_.data() + r * d, *x = x_MD_.data() + r * d;
      RmsNorm(h, norm_D.data(), h, d, static_cast<float>(config_.rms_norm_eps));
      for (int64_t i = 0; i < d; ++i) x[i] += h[i];
    }
  });
}

void Decoder::PlaceKeys(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer) {
  const int64_t head_dim = config_.head_dim, pairs = config_.rotary_dim / 2;
  const int rotary = config_.layers[layer].rotary;
  const Layer& l = layers_[layer];
  const auto norm = [&](float* begin, const float* end, const std::vector<float>& weight_H) {
    if (weight_H.empty()) return;
    for (float* head = begin; head < end; head += head_dim) RmsNorm(head, weight_H.data(), head, head_dim, static_cast<float>(config_.rms_norm_eps));
  };
  For(pool, static_cast<int64_t>(batch.rows.size()), 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const BatchRow& row = batch.rows[r];
      float* q = qkv_.data() + r * config_.qkv_dim();
      float* k = q + config_.q_dim();
      float* v = k + config_.k_dim();
      AddBias(q, l.bias_q);
      AddBias(k, l.bias_k);
      AddBias(v, l.bias_v);
      norm(q, k, l.q_norm_H);
      norm(k, v, l.k_norm_H);
      if (rotary >= 0) {
        const float* cos = angles_[rotary].cos.data() + row.position * pairs;
        const float* sin = angles_[rotary].sin.data() + row.position * pairs;
        for (float* head = q; head < v; head += head_dim) Rope(head, cos, sin, config_.rotary_dim, config_.rope);
      }
      cache.Write(row.pages[row.position / KvCache::kPageTokens], layer, row.position % KvCache::kPageTokens, k, v);
    }
  });
}

void Decoder::Attend(const KvCache& cache, const Batch& batch, const RowBlock& block, int64_t layer, int64_t kv_head, ThreadScratch& scratch, float* scores,
                     const AttendPart& part) {
  const int64_t heads = config_.num_heads / config_.num_kv_heads, head = kv_head * heads;
  const BatchRow* rows = batch.rows.data();
  scratch.queries.clear();
  for (int64_t r = block.begin; r < block.end; ++r) {
    scratch.queries.push_back({qkv_.data() + r * config_.qkv_dim() + head * config_.head_dim,
                               attention_.data() + r * config_.attention_dim() + head * config_.value_head_dim,
                               config_.layers[layer].FirstSeen(rows[r].position), rows[r].position + 1});
  }
  int64_t page = scratch.queries[0].first / KvCache::kPageTokens, end = KvCache::PagesFor(rows[block.end - 1].position + 1);  // that the part reads
  if (part.step == AttendPart::kScores) end = page + part.end, page += part.begin;
  if (part.step == AttendPart::kWeights) end = page;
  for (int64_t p = page; p < end; ++p) {
    scratch.k[p] = cache.K(rows[block.begin].pages[p], layer, kv_head);
    scratch.v[p] = cache.V(rows[block.begin].pages[p], layer, kv_head);
  }
  const ScoreRule rule{static_cast<float>(config_.attention_scale), static_cast<float>(config_.attention_soft_cap)};
  AttendHeads(scratch.queries, config_.head_dim, heads, {scratch.k.data(), scratch.v.data(), cache.type()}, config_.head_dim, config_.value_head_dim, rule, scores,
              config_.value_head_dim, part);
}

void Decoder::Attention(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer) {
  const int64_t count = static_cast<int64_t>(blocks_.size()), kv_heads = config_.num_kv_heads;
  if (shares_attention_) return SharedAttention(pool, cache, batch, layer);
  For(pool, count * kv_heads, 1, [&](int64_t begin, int64_t end, int thread) {
    ThreadScratch& scratch = threads_[static_cast<size_t>(thread)];
    for (int64_t task = begin; task < end; ++task) {
      // Later rows of a prompt see more tokens: early and late blocks alternate, so that threads get equal work.
      const int64_t place = task / kv_heads, b = place % 2 == 0 ? place / 2 : count - 1 - place / 2;
      Attend(cache, batch, blocks_[b], layer, task % kv_heads, scratch, scratch.scores.data(), {});
    }
  });
}

void Decoder::SharedAttention(ThreadPool& pool, const KvCache& cache, const Batch& batch, int64_t layer) {
  constexpr int64_t kPages = 8;
  const int64_t m = static_cast<int64_t>(batch.rows.size()), kv_heads = config_.num_kv_heads, heads = config_.num_heads / kv_heads;
  const int64_t tasks = m * kv_heads;
  int64_t most = 0;  // pages that a row sees
  const auto pages_of = [&](const BatchRow& row) {
    return KvCache::PagesFor(row.position + 1) - config_.layers[layer].FirstSeen(row.position) / KvCache::kPageTokens;
  };
  for (const BatchRow& row : batch.rows) most = std::max(most, pages_of(row));
  const auto pass = [&](int64_t count, const auto& part_of) {  // `count` parts of each row and KV head
    For(pool, tasks * count, 1, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t task = i / count, r = task / kv_heads;
        AttendPart part = part_of(batch.rows[r], i % count);
        if (part.step != AttendPart::kWeights && part.begin >= part.end) continue;
        part.factors = shared_factors_.data() + task * heads;
        Attend(cache, batch, {r, r + 1}, layer, task % kv_heads, threads_[static_cast<size_t>(thread)],
               shared_scores_.data() + task * heads * most * KvCache::kPageTokens, part);
      }
    });
  };
  pass((most + kPages - 1) / kPages, [&](const BatchRow& row, int64_t i) {
    return AttendPart{AttendPart::kScores, i * kPages, std::min(pages_of(row), (i + 1) * kPages), nullptr};
  });
  pass(1, [](const BatchRow&, int64_t) { return AttendPart{AttendPart::kWeights, 0, 0, nullptr}; });
  const int64_t width = config_.value_head_dim;
  pass((width + kAttendColumns - 1) / kAttendColumns, [&](const BatchRow&, int64_t i) {
    return AttendPart{AttendPart::kColumns, i * kAttendColumns, std::min(width, (i + 1) * kAttendColumns), nullptr};
  });
}

// The last layer's output at `rows`, one after the other.
void Decoder::OutputNorm(ThreadPool& pool, const std::vector<int32_t>& rows, float* y_MD) {
  const int64_t d = config_.d_model;
  For(pool, static_cast<int64_t>(rows.size()), 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      RmsNorm(x_MD_.data() + rows[i] * d, output_norm_D_.data(), y_MD + i * d, d, static_cast<float>(config_.rms_norm_eps));
    }
  });
}

void Decoder::Head(ThreadPool& pool, const Batch& batch, float* logits) {
  const int64_t wanted = static_cast<int64_t>(batch.logit_rows.size()), d = config_.d_model;
  if (wanted == 0) return;
  OutputNorm(pool, batch.logit_rows, h_MD_.data());
  prepared_.Prepare(h_MD_.data(), wanted, d, d, activations_, isa_, &pool);
  const LinearJob job{.w = output_VD_, .x = &prepared_, .y = logits, .y_stride = config_.vocab_size};
  Linear(pool, {&job, 1});
  if (config_.logit_soft_cap == 0) return;
  const auto cap = static_cast<float>(config_.logit_soft_cap);
  For(pool, wanted * config_.vocab_size, 4096, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) logits[i] = cap * std::tanh(logits[i] / cap);
  });
}

int64_t Decoder::weights_bytes() const {
  int64_t bytes = 0;
  for (const std::string& name : base_->names()) bytes += static_cast<int64_t>(base_->Tensor(name).bytes());
  return bytes;
}

int64_t Decoder::scratch_bytes() const {
  size_t floats = x_MD_.size() + h_MD_.size() + qkv_.size() + attention_.size() + gate_up_.size() + low_.size();
  for (const Angles& angles : angles_) floats += angles.cos.size() + angles.sin.size();
  size_t bytes = floats * sizeof(float);
  bytes += (shared_scores_.size() + shared_factors_.size()) * sizeof(float);
  for (const ThreadScratch& s : threads_) bytes += s.scores.size() * sizeof(float) + 2 * s.k.size() * sizeof(void*) + s.queries.capacity() * sizeof(AttendQuery);
  bytes += blocks_.capacity() * sizeof(RowBlock);
  return static_cast<int64_t>(bytes);
}

}  // namespace pith
