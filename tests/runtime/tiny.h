// The tiny Llama of tests/golden and what tests of the engine do with it again and again.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/peft.h"
#include "base/rng.h"
#include "runtime/engine.h"

namespace pith::testing {

inline std::string Golden(const std::string& name) { return std::string(PITH_TEST_GOLDEN) + "/" + name; }

inline std::shared_ptr<const BaseModel> TinyBase() {
  static const std::shared_ptr<const BaseModel> base = BaseModel::Load(Golden("tiny-llama"));
  return base;
}

inline AdapterRef TinyAdapter(const std::string& folder, TensorType type = TensorType::kF32) {
  return PackedAdapter::FromLora(ReadPeft(Golden(folder)), TinyBase()->config(), type);
}

inline std::vector<int32_t> RandomTokens(uint64_t seed, int64_t count, int64_t vocab = 320) {
  Rng rng(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(rng.Int(3, vocab - 1)));
  return tokens;
}

// Runs `tokens` through one Forward() and returns the logits of all of them, one after the other.
inline std::vector<float> RunTokens(Engine& engine, SequenceId sequence, std::span<const int32_t> tokens) {
  std::vector<ForwardRow> rows;
  for (int32_t token : tokens) rows.push_back({sequence, token, true});
  std::vector<float> logits(tokens.size() * static_cast<size_t>(engine.config().vocab_size));
  engine.Forward(rows, logits.data());
  return logits;
}

inline std::vector<float> Last(const Engine& engine, const std::vector<float>& logits) {
  return {logits.end() - engine.config().vocab_size, logits.end()};
}

// What a fresh engine without shared prefixes gives after the last of `parts`, each under its own adapter.
struct Part {
  std::vector<int32_t> tokens;
  AdapterRef adapter;
};
inline std::vector<float> Fresh(const EngineOptions& options, const std::vector<Part>& parts) {
  EngineOptions alone = options;
  alone.share_prefixes = false;
  Engine engine(TinyBase(), alone);
  const SequenceId sequence = engine.NewSequence();
  std::vector<float> logits;
  for (const Part& part : parts) {
    engine.SetAdapter(sequence, part.adapter);
    logits = Last(engine, RunTokens(engine, sequence, part.tokens));
  }
  return logits;
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace pith::testing
