// What one request computed, prompt and given beginning, the next takes up: where base and adapter wrote the same tokens.
#include "data/text/tokenizer.h"
#include "runtime/generation/generate.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

std::unique_ptr<Engine> NewEngine() {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = 1024;
  options.num_threads = 1;
  return std::make_unique<Engine>(TinyBase(), options);
}

std::vector<int32_t> Response(Engine& engine, const GenerateRequest& request) {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  return Generate(engine, *tokenizer, {&request, 1}, {}).front().front().tokens;
}

TEST(GeneratePrefix, APromptAndABeginningAreTakenUpPastTheSwitch) {
  GenerateRequest request;
  request.prompt = RandomTokens(1, 40);
  request.invocation_start = 37;
  request.response_prefix = RandomTokens(2, 31);
  request.adapter = TinyAdapter("tiny-alora");
  ASSERT_EQ(request.adapter->activation(), Activation::kInvocation);
  request.max_tokens = 60;
  std::vector<GenerateRequest> others(4, request);
  others[0].adapter = nullptr;                      // llama.cpp's issue 26207
  others[1].adapter = TinyAdapter("tiny-alora");    // as good as the other, but who knows
  others[2].invocation_start = 36;
  others[3].response_prefix.back() = 5;
  const int64_t hits[] = {37, 37, 36, 70};  // of 71, of which the last is computed in any case
  for (size_t i = 0; i < others.size(); ++i) {
    const auto engine = NewEngine();
    const std::vector<int32_t> first = Response(*engine, request);
    EXPECT_EQ(engine->kv_counters().hit_tokens, 0);
    EXPECT_EQ(Response(*engine, request), first);
    EXPECT_EQ(engine->kv_counters().hit_tokens, 70);
    EXPECT_EQ(Response(*engine, others[i]), Response(*NewEngine(), others[i])) << i;
    EXPECT_EQ(engine->kv_counters().hit_tokens, 70 + hits[i]) << i;
  }
}

// Two at once: the second waits for what the first is computing, also where base and adapter share a page, and behind it.
TEST(GeneratePrefix, WhatAnotherIsComputingIsWaitedFor) {
  GenerateRequest request;
  request.prompt = RandomTokens(1, 40);
  request.invocation_start = 37;
  request.response_prefix = RandomTokens(2, 31);
  request.adapter = TinyAdapter("tiny-alora");
  request.max_tokens = 60;
  GenerateRequest other = request;
  other.adapter = TinyAdapter("tiny-alora");  // shares the base's pages alone
  const std::vector<GenerateRequest> requests = {request, other, request};
  const auto engine = NewEngine(), fresh = NewEngine();
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  const auto together = Generate(*engine, *tokenizer, requests, {});
  EXPECT_EQ(engine->kv_counters().hit_tokens, 32 + 64) << "whole pages: those of the base, and all four";
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(together[i].front().tokens, Response(*fresh, requests[i])) << i;
}

}  // namespace
}  // namespace pith::testing
