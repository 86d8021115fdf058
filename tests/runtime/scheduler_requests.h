// Requests of many kinds on the tiny Llama, and what each alone gives: for tests of the scheduler.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "data/text/tokenizer.h"
#include "runtime/generation/generate.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {

inline const Tokenizer& Words() {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  return *tokenizer;
}

inline std::unique_ptr<Engine> NewEngine(int64_t kv_tokens = 4096) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = 1;
  return std::make_unique<Engine>(TinyBase(), options);
}

// Requests of many kinds; the bias keeps the end away, so that lengths are their limits'.
inline std::vector<GenerateRequest> Requests(int count, float end_bias = -100) {
  const AdapterRef adapters[] = {nullptr, TinyAdapter("tiny-alora", TensorType::kBF16), TinyAdapter("tiny-lora", TensorType::kBF16)};
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < count; ++i) {
    GenerateRequest request;
    request.prompt = RandomTokens(100 + static_cast<uint64_t>(i), 5 + 11 * (i % 7));
    request.invocation_start = static_cast<int64_t>(request.prompt.size()) - i % 4;
    request.adapter = adapters[i % 3];
    request.sampling = {.temperature = i % 4 == 0 ? 0.0 : 1.0, .seed = static_cast<uint64_t>(i)};
    for (const int32_t id : Words().end_ids()) request.sampling.logit_bias.emplace_back(id, end_bias);
    request.max_tokens = 20 + 7 * (i % 5);
    request.num_samples = 1 + i % 3;
    requests.push_back(request);
  }
  return requests;
}

// By value: what a loop goes over has to outlive it.
inline std::vector<Completion> Completions(Engine& engine, const GenerateRequest& request) { return Generate(engine, Words(), {&request, 1}, {}).front(); }

using Tokens = std::vector<std::vector<int32_t>>;  // by sample

inline Tokens Alone(const GenerateRequest& request) {
  const auto engine = NewEngine();
  Tokens tokens;
  for (const Completion& c : Completions(*engine, request)) tokens.push_back(c.tokens);
  return tokens;
}

inline Tokens TokensOf(const std::vector<Completion>& completions) {
  Tokens tokens;
  for (const Completion& c : completions) tokens.push_back(c.tokens);
  return tokens;
}

inline DecodeBudget BudgetFor(int64_t tokens, int64_t reserve) { return {tokens, reserve, Words().Encode("\n#### ")}; }

inline std::string SentenceOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

}  // namespace pith::testing
