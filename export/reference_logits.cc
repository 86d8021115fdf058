// T tokens, D model, F feed-forward, K columns of a weight, R rank.
#include "export/reference_logits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "adapters/lora_names.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace pith {
namespace {

using Floats = std::vector<float>;

class Decoder {
 public:
  Decoder(const BaseModel& base, const LoraAdapter* adapter, int64_t adapter_begin, int64_t num_tokens)
      : base_(base), c_(base.config()), adapter_(adapter), begin_(adapter_begin), t_(num_tokens), pool_(0) {}

  Floats Run(std::span<const int32_t> ids) {
    const TensorView embedding = base_.Tensor("token_embd.weight");
    Floats x_TD(static_cast<size_t>(t_ * c_.d_model));
    for (int64_t t = 0; t < t_; ++t) {
      Dequantise(embedding.type, embedding.row(ids[static_cast<size_t>(t)]), &x_TD[static_cast<size_t>(t * c_.d_model)], c_.d_model);
    }
    for (float& x : x_TD) x *= static_cast<float>(c_.embedding_scale);
    for (int64_t layer = 0; layer < c_.num_layers; ++layer) {
      const std::string blk = Str("blk.", layer, ".");
      Floats normed_TD = Norm(x_TD, blk + "attn_norm.weight");
      Floats q = Linear(normed_TD, blk + "attn_q"), k = Linear(normed_TD, blk + "attn_k");
      const Floats v = Linear(normed_TD, blk + "attn_v");
      if (c_.qk_norm) {
        q = Norm(q, blk + "attn_q_norm.weight");
        k = Norm(k, blk + "attn_k_norm.weight");
      }
      const LayerConfig& how = c_.layers[static_cast<size_t>(layer)];
      if (how.rotary >= 0) {
        Rotate(&q, c_.num_heads, c_.rotaries[static_cast<size_t>(how.rotary)]);
        Rotate(&k, c_.num_kv_heads, c_.rotaries[static_cast<size_t>(how.rotary)]);
      }
      Floats added_TD = Linear(Attend(q, k, v, how), blk + "attn_output");
      if (c_.post_norms) added_TD = Norm(added_TD, blk + "post_attention_norm.weight");
      AddTo(&x_TD, added_TD);
      normed_TD = Norm(x_TD, blk + "ffn_norm.weight");
      Floats hidden_TF = Linear(normed_TD, blk + "ffn_up");
      if (c_.has_gate()) {
        const Floats gate_TF = Linear(normed_TD, blk + "ffn_gate");
        for (size_t i = 0; i < gate_TF.size(); ++i) hidden_TF[i] *= Activate(gate_TF[i]);
      } else {
        for (float& x : hidden_TF) x = Activate(x);
      }
      added_TD = Linear(hidden_TF, blk + "ffn_down");
      if (c_.post_norms) added_TD = Norm(added_TD, blk + "post_ffw_norm.weight");
      AddTo(&x_TD, added_TD);
    }
    Floats logits_TV = Multiply(Norm(x_TD, "output_norm.weight"), c_.tied_embeddings ? "token_embd.weight" : "output.weight");
    for (float& logit : logits_TV) logit = static_cast<float>(Cap(logit, c_.logit_soft_cap));
    return logits_TV;
  }

 private:
  const BaseModel& base_;
  const ModelConfig& c_;
  const LoraAdapter* adapter_;
  int64_t begin_, t_;
  ThreadPool pool_;

  static double Cap(double s, double cap) { return cap > 0 ? cap * std::tanh(s / cap) : s; }

  float Activate(float input) const {
    const double x = input;
    switch (c_.feed_forward) {
      case FeedForward::kSwiGlu: return static_cast<float>(x / (1 + std::exp(-x)));
      case FeedForward::kGeGlu: return static_cast<float>(x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))));
      case FeedForward::kReluSquared: return static_cast<float>(std::max(x, 0.0) * std::max(x, 0.0));
    }
    return 0;
  }

  static void AddTo(Floats* x, const Floats& y) {
    for (size_t i = 0; i < x->size(); ++i) (*x)[i] += y[i];
  }

  Floats Norm(const Floats& x_TD, const std::string& name) const {
    const Floats weight_D = base_.Tensor(name).ToF32();
    const size_t d = weight_D.size();
    Floats out(x_TD.size());
    for (size_t t = 0; t < x_TD.size(); t += d) {
      double squares = 0;
      for (size_t i = 0; i < d; ++i) squares += static_cast<double>(x_TD[t + i]) * x_TD[t + i];
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(d) + c_.rms_norm_eps);
      for (size_t i = 0; i < d; ++i) out[t + i] = static_cast<float>(x_TD[t + i] * scale) * weight_D[i];
    }
    return out;
  }

  // y[t][n] = Σ_k x[t][k] · W[n][k]. x is transposed so that the inner loop runs over tokens, in a fixed order over k.
  Floats Multiply(const Floats& x, const std::string& name) {
    const TensorView w = base_.Tensor(name);
    const auto tokens = static_cast<size_t>(t_), cols = static_cast<size_t>(w.cols), rows = static_cast<size_t>(w.rows);
    Floats x_KT(x.size()), y(tokens * rows);
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t k = 0; k < cols; ++k) x_KT[k * tokens + t] = x[t * cols + k];
    }
    pool_.ParallelFor(w.rows, 8, [&](int64_t begin, int64_t end, int) {
      Floats row(cols), sum(tokens);
      for (int64_t n = begin; n < end; ++n) {
        Dequantise(w.type, w.row(n), row.data(), w.cols);
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (size_t k = 0; k < cols; ++k) {
          const float factor = row[k];
          const float* from = &x_KT[k * tokens];
          for (size_t t = 0; t < tokens; ++t) sum[t] += factor * from[t];
        }
        for (size_t t = 0; t < tokens; ++t) y[t * rows + static_cast<size_t>(n)] = sum[t];
      }
    });
    return y;
  }

  // A linear layer with its bias and, from begin_ on, the adapter; q and k come out in halves order.
  Floats Linear(const Floats& x, const std::string& stem) {
    const std::string name = stem + ".weight";
    Floats y = Multiply(x, name);
    const int64_t rows = base_.Tensor(name).rows;
    const bool rotated = stem.ends_with("attn_q") || stem.ends_with("attn_k");
    if (rotated && c_.rope == RopeLayout::kInterleaved) {
      const Floats file_order = y;
      for (int64_t t = 0; t < t_; ++t) {
        InterleavedToHalves(&file_order[static_cast<size_t>(t * rows)], &y[static_cast<size_t>(t * rows)], rows, sizeof(float), c_.head_dim);
      }
    }
    if (base_.Has(stem + ".bias")) {
      const Floats bias = base_.LoadHalvesF32(stem + ".bias");
      for (size_t i = 0; i < y.size(); ++i) y[i] += bias[i % bias.size()];
    }
    if (adapter_ == nullptr) return y;
    const LinearPlace place = *ParseWeightName(name);
    const ModulePlace module = ModuleOf(c_, place.kind);
    const auto found = adapter_->pairs.find(WeightName({place.layer, module.module}));
    if (found != adapter_->pairs.end()) AddAdapter(x, found->second, module.first_row, rows, &y);
    return y;
  }

  // Of the pair's product, `rows` rows from `first` on.
  void AddAdapter(const Floats& x, const LoraPair& pair, int64_t first, int64_t rows, Floats* y) const {
    const double scale = adapter_->scale(pair);
    std::vector<double> hidden_R(static_cast<size_t>(pair.rank));
    for (int64_t t = std::max<int64_t>(begin_, 0); t < t_; ++t) {
      for (int64_t r = 0; r < pair.rank; ++r) {
        double sum = 0;
        for (int64_t k = 0; k < pair.in; ++k) {
          sum += static_cast<double>(pair.a[static_cast<size_t>(r * pair.in + k)]) * x[static_cast<size_t>(t * pair.in + k)];
        }
        hidden_R[static_cast<size_t>(r)] = sum;
      }
      for (int64_t n = 0; n < rows; ++n) {
        double sum = 0;
        for (int64_t r = 0; r < pair.rank; ++r) {
          sum += pair.b[static_cast<size_t>((first + n) * pair.rank + r)] * hidden_R[static_cast<size_t>(r)];
        }
        (*y)[static_cast<size_t>(t * rows + n)] += static_cast<float>(scale * sum);
      }
    }
  }

  // Rotary positions, halves order: of the values that turn, (i, i + half of them) by t · frequency.
  void Rotate(Floats* x, int64_t heads, const Rotary& rotary) const {
    const auto half = static_cast<int64_t>(rotary.frequencies.size());
    for (int64_t t = 0; t < t_; ++t) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(t) * rotary.frequencies[static_cast<size_t>(i)];
        const double cosine = rotary.magnitude * std::cos(angle), sine = rotary.magnitude * std::sin(angle);
        for (int64_t head = 0; head < heads; ++head) {
          float* first = &(*x)[static_cast<size_t>((t * heads + head) * c_.head_dim + i)];
          const double a = *first, b = first[half];
          *first = static_cast<float>(a * cosine - b * sine);
          first[half] = static_cast<float>(b * cosine + a * sine);
        }
      }
    }
  }

  Floats Attend(const Floats& q, const Floats& k, const Floats& v, const LayerConfig& layer) const {
    const int64_t h = c_.head_dim, u = c_.value_head_dim, group = c_.num_heads / c_.num_kv_heads;
    Floats out(static_cast<size_t>(t_ * c_.attention_dim()));
    std::vector<double> weight_T(static_cast<size_t>(t_));
    for (int64_t t = 0; t < t_; ++t) {
      const int64_t begin = layer.FirstSeen(t);
      for (int64_t head = 0; head < c_.num_heads; ++head) {
        const float* query = &q[static_cast<size_t>((t * c_.num_heads + head) * h)];
        const auto kv = [&](const Floats& of, int64_t s, int64_t size) { return &of[static_cast<size_t>((s * c_.num_kv_heads + head / group) * size)]; };
        double largest = -std::numeric_limits<double>::infinity(), total = 0;
        for (int64_t s = begin; s <= t; ++s) {
          double dot = 0;
          for (int64_t i = 0; i < h; ++i) dot += static_cast<double>(query[i]) * kv(k, s, h)[i];
          weight_T[static_cast<size_t>(s)] = Cap(dot * c_.attention_scale, c_.attention_soft_cap);
          largest = std::max(largest, weight_T[static_cast<size_t>(s)]);
        }
        for (int64_t s = begin; s <= t; ++s) total += weight_T[static_cast<size_t>(s)] = std::exp(weight_T[static_cast<size_t>(s)] - largest);
        for (int64_t i = 0; i < u; ++i) {
          double sum = 0;
          for (int64_t s = begin; s <= t; ++s) sum += weight_T[static_cast<size_t>(s)] * kv(v, s, u)[i];
          out[static_cast<size_t>((t * c_.num_heads + head) * u + i)] = static_cast<float>(sum / total);
        }
      }
    }
    return out;
  }
};

}  // namespace

std::vector<float> ReferenceLogits(const BaseModel& base, const LoraAdapter* adapter, int64_t adapter_begin,
                                   std::span<const int32_t> ids) {
  PITH_CHECK(!ids.empty());
  PITH_CHECK(adapter == nullptr || !adapter->dora, "a DoRA adapter always acts: fuse it and ask for the base's logits");
  if (adapter != nullptr) {
    const std::vector<int> modules = ModuleKinds(base.config());
    for (const auto& [name, pair] : adapter->pairs) {
      const auto place = ParseWeightName(name);
      PITH_CHECK(place && std::find(modules.begin(), modules.end(), place->kind) != modules.end(), name, " is no module of the base");
    }
  }
  for (const int32_t id : ids) PITH_CHECK(id >= 0 && id < base.config().vocab_size, "id ", id);
  return Decoder(base, adapter, adapter_begin, static_cast<int64_t>(ids.size())).Run(ids);
}

}  // namespace pith
