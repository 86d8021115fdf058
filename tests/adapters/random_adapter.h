// Adapters and descriptions that the tests of this room and of export/ share.
#pragma once

#include <string>

#include "adapters/lora.h"
#include "adapters/lora_names.h"
#include "base/error.h"
#include "base/rng.h"

namespace pith::testing {

inline ModelConfig TinyConfig(RopeLayout rope = RopeLayout::kInterleaved) {
  ModelConfig config;
  config.arch = "llama";
  config.num_layers = 2;
  config.d_model = 64;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 16;
  config.d_ff = 128;
  config.vocab_size = 320;
  config.context_length = 512;
  config.tied_embeddings = true;
  config.rope = rope;
  config.gguf_rope = RopeLayout::kInterleaved;
  config.Finish();
  return config;
}

// Every linear layer, random A and B.
inline LoraAdapter RandomAdapter(const ModelConfig& config, int64_t rank, uint64_t seed, double spread = 0.1) {
  LoraAdapter adapter;
  adapter.rank = rank;
  adapter.alpha = 2.0 * static_cast<double>(rank);
  adapter.activation = Activation::kAlways;
  Rng rng(seed);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      LoraPair pair{rank, LinearCols(config, kind), LinearRows(config, kind), {}, {}};
      for (int64_t i = 0; i < rank * pair.in; ++i) pair.a.push_back(static_cast<float>(rng.Normal() * spread));
      for (int64_t i = 0; i < pair.out * rank; ++i) pair.b.push_back(static_cast<float>(rng.Normal() * spread));
      adapter.pairs.emplace(WeightName({layer, kind}), std::move(pair));
    }
  }
  return adapter;
}

// The sentence of the UserError that `body` throws; empty when it throws none.
template <class Body>
std::string Refusal(const Body& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

}  // namespace pith::testing
