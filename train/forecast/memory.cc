#include "train/forecast/memory.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "runtime/kv_cache.h"
#include "train/model/tile_products.h"
#include "train/rollout/rollout.h"
#include "train/run/best.h"

namespace pith {
namespace {

// Measured, not derived (docs/runs.md): oneDNN's compiled products of 128 shapes, code that training is the first to touch, and what heap and
// allocator keep between blocks that live for long.
constexpr int64_t kBeyondTensors = int64_t{200} << 20;
constexpr int64_t kHeadChunk = int64_t{16} << 20;  // logits that are held at once (train/model/head.h)

int64_t ElementBytes(const TrainConfig& config) { return config.model.dtype == "float32" ? 4 : 2; }

// Per token that runs with gradients.
struct TokenBytes {
  int64_t enters;   // a layer: the residual stream in float32, and what is still to be added to it
  int64_t kept;     // of a layer for its gradients: the stream twice and its two norms, q k v (twice where they are normed), attention's
                    // output, the feed-forward's products and what is made of them; behind each input its ranks' columns
  int64_t passing;  // gradients while a layer is gone through backwards
};
TokenBytes BytesPerToken(const ModelConfig& c, int64_t element, int64_t ranks) {
  TokenBytes b;
  const int64_t products = (c.has_gate() ? 2 : 1) * c.d_ff;
  b.enters = (4 + element) * c.d_model;
  b.kept = 8 * c.d_model + element * ((2 + (c.post_norms ? 2 : 0)) * c.d_model + (c.qk_norm ? 2 : 1) * c.qkv_dim() + c.attention_dim() + products + c.d_ff +
                                      ranks / std::max<int64_t>(1, c.num_layers));
  b.passing = 8 * c.d_model + element * (c.d_model + products + c.d_ff);
  return b;
}

// What the products keep to themselves. The deepest sum is the way back through the feed-forward's first matrices and their ranks, or its last one.
int64_t ProductBytes(const TrainConfig& config, const RunShapes& shapes, int64_t rows) {
  const ModelConfig& c = shapes.model;
  if (config.model.dtype == "float32") return 0;
  return BestProducts().RoomBytes(rows, (c.has_gate() ? 2 : 1) * c.d_ff + shapes.ranks / std::max<int64_t>(1, c.num_layers));
}

int64_t ActivationBytes(const TrainConfig& config, const RunShapes& shapes) {
  const ModelConfig& c = shapes.model;
  const int64_t element = ElementBytes(config), d = c.d_model;
  const TokenBytes token = BytesPerToken(c, element, shapes.ranks);
  // Nothing trained comes before the first layer, which is never computed again.
  const int64_t layers = config.model.gradient_checkpointing && c.num_layers > 1 ? (c.num_layers - 1) * token.enters + 2 * token.kept + token.passing
                                                                                 : c.num_layers * token.kept + token.passing;
  int64_t most = 0;
  for (const std::vector<TrainSequence>& step : shapes.steps) {
    const int64_t kept_prompts = EncodedTokens(config, step) * c.num_layers * (4 * c.k_dim() + element * c.v_dim());
    ForEachMicroBatch(Ranks::World(), step, LimitOf(config), [&](size_t begin, size_t end, int64_t) {
      int64_t tokens = 0, rows = 0;
      for (size_t i = begin; i < end; ++i) {
        tokens += static_cast<int64_t>(step[i].ids.size()) - 1;
        rows += step[i].response_length();
      }
      // Behind the last layer: the chosen rows of stream and sum, their norm, the head's gradient, and the way back to all rows.
      most = std::max(most, kept_prompts + tokens * (layers + (8 + element) * d) + rows * (12 + 4 * element) * d + ProductBytes(config, shapes, tokens));
    });
  }
  return most + (c.logit_soft_cap > 0 ? 6 : 2) * kHeadChunk;
}

int64_t SamplerBytes(const TrainConfig& config, const RunShapes& shapes) {
  const ModelConfig& c = shapes.model;
  const int64_t longest = *std::max_element(shapes.prompts.begin(), shapes.prompts.end());
  const auto cache = [&](int64_t tokens, KvType type) { return KvCache::PagesFor(tokens) * KvCache::PageBytes(c, type); };
  int64_t tokens = config.eval.every == 0 ? 0 : config.eval.max_batch * (longest + config.eval.max_tokens + 2 * KvCache::kPageTokens);
  int64_t batch = config.eval.every == 0 ? 0 : config.eval.max_batch;
  KvType type = KvType::kF16;
  if (config.run.stage == "rl") {
    tokens = std::max(tokens, StepKvTokens(config, shapes.prompts));
    batch = std::max<int64_t>(batch, std::min<int64_t>(config.rollout.max_batch, config.rl.prompts_per_step * config.rl.group_size));
    type = SamplerKvType(config.rollout);
  }
  return tokens == 0 ? 0 : cache(tokens, type) + batch * c.vocab_size * 4;
}

int64_t AdapterBytes(const TrainConfig& config, int64_t trained) {
  // float32: the start, the master, its gradient, two moments, a copy that is sampled with or saved. What computes: A, and B beside the zeros
  // of its group's other members. For rl what the sampler is given, in bfloat16. Where the best is what a step began with: that, with its moments.
  return trained * (4 * 6 + ElementBytes(config) * 3 / 2 + (config.run.stage == "rl" ? 2 : 0) + (Best(config.log).judges_begin() ? 4 * 3 : 0));
}

// Settings that might make a run fit, from the one that costs least on; each from its largest value down.
struct Candidate {
  std::string key, value;
  std::function<void(TrainConfig*, RunShapes*)> apply;
};

std::vector<Candidate> Candidates(const TrainConfig& config, const RunShapes& shapes) {
  std::vector<Candidate> all;
  const bool rl = config.run.stage == "rl";
  const auto halves = [&](const std::string& key, int64_t from, int64_t least, const std::function<void(TrainConfig*, RunShapes*, int64_t)>& set) {
    for (int64_t n = from; n >= least; n /= 2) {
      all.push_back({key, std::to_string(n), [set, n](TrainConfig* c, RunShapes* s) { set(c, s, n); }});
      if (n == 1) break;
    }
  };
  int64_t largest = 0, longest = 0;  // tokens: of a micro-batch as it is cut now, of a sequence
  for (const std::vector<TrainSequence>& step : shapes.steps) {
    ForEachMicroBatch(Ranks::World(), step, LimitOf(config), [&](size_t begin, size_t end, int64_t) {
      int64_t tokens = 0;
      for (size_t i = begin; i < end; ++i) {
        tokens += static_cast<int64_t>(step[i].ids.size()) - 1;
        longest = std::max(longest, static_cast<int64_t>(step[i].ids.size()) - 1);
      }
      largest = std::max(largest, tokens);
    });
  }
  int64_t below = 64;
  while (2 * below < largest) below *= 2;
  const std::string section = rl ? "rl." : "sft.";
  halves(section + "micro_batch_tokens", below, std::max<int64_t>(1, longest / 2), [rl](TrainConfig* c, RunShapes*, int64_t n) {
    (rl ? c->rl.micro_batch_tokens : c->sft.micro_batch_tokens) = n;
  });
  if (rl) {
    if (SamplerKvType(config.rollout) == KvType::kF32) all.push_back({"rollout.kv_type", "f16", [](TrainConfig* c, RunShapes*) { c->rollout.kv_type = "f16"; }});
    halves("rollout.max_batch", config.rollout.max_batch / 2, 1, [](TrainConfig* c, RunShapes*, int64_t n) { c->rollout.max_batch = static_cast<int>(n); });
  }
  if (!config.model.gradient_checkpointing) {
    all.push_back({"model.gradient_checkpointing", "true", [](TrainConfig* c, RunShapes*) { c->model.gradient_checkpointing = true; }});
  }
  if (rl) {
    halves("rollout.max_completion_tokens", config.rollout.max_completion_tokens / 2, 16, [](TrainConfig* c, RunShapes* s, int64_t n) {
      c->rollout.max_completion_tokens = n;
      for (auto& step : s->steps) {
        for (TrainSequence& sequence : step) {
          const int64_t end = sequence.targets.front() + n;
          if (static_cast<int64_t>(sequence.ids.size()) > end) sequence.ids.resize(static_cast<size_t>(end));
          std::erase_if(sequence.targets, [end](int64_t place) { return place >= end; });
        }
      }
    });
  } else {
    halves("sft.max_length", config.sft.max_length / 2, 16, [](TrainConfig* c, RunShapes* s, int64_t n) {
      c->sft.max_length = n;
      for (auto& step : s->steps) {
        std::erase_if(step, [n](const TrainSequence& sequence) {
          return static_cast<int64_t>(sequence.ids.size()) + sequence.prompt.length() > n;
        });
      }
    });
  }
  return all;
}

}  // namespace

int64_t WeightBytes(const ModelConfig& c, int64_t element_bytes) {
  int64_t linear = 0;
  for (const int kind : LinearKindsOf(c)) linear += LinearRows(c, kind) * LinearCols(c, kind);
  return (linear * c.num_layers + c.vocab_size * (c.d_model + 16) + (c.tied_embeddings ? 0 : c.vocab_size * c.d_model)) * element_bytes;
}

MemoryForecast ForecastMemory(const TrainConfig& config, const RunShapes& shapes, int64_t process_bytes) {
  MemoryForecast m;
  m.process = process_bytes + kBeyondTensors;
  m.file = shapes.file_bytes;
  m.base = WeightBytes(shapes.model, ElementBytes(config));
  m.adapter = AdapterBytes(config, shapes.trained);
  m.activations = ActivationBytes(config, shapes);
  m.sampler = SamplerBytes(config, shapes);
  return m;
}

std::optional<Remedy> WhatWouldFit(const TrainConfig& config, const RunShapes& shapes, const MemoryForecast& now, int64_t limit_bytes) {
  for (const Candidate& candidate : Candidates(config, shapes)) {
    TrainConfig changed = config;
    RunShapes shorter = shapes;
    candidate.apply(&changed, &shorter);
    const bool empty = std::all_of(shorter.steps.begin(), shorter.steps.end(), [](const auto& step) { return step.empty(); });
    MemoryForecast then = ForecastMemory(changed, shorter, now.process - kBeyondTensors);
    then.teacher = now.teacher;
    const int64_t bytes = then.total();
    if (!empty && bytes <= limit_bytes) return Remedy{candidate.key, candidate.value, bytes};
  }
  return std::nullopt;
}

}  // namespace pith
