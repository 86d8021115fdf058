// The engine in float32 against logits that transformers and PEFT computed (tests/tools/tiny_llama.py and
// demo_logits_golden.py).
//
// Tolerance: with F32 throughout both sides do the same sums in another order. A sum of n products rounds by about
// sqrt(n) · 2^−24 of its norm, each layer adds a few of them to the residual stream, so logits differ by about
// layers · sqrt(d_ff) · 2^−24 · norm, with a factor 8 for the worst of many; 1e-6 of it is left for the decimals of the file.
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

double Tolerance(const ModelConfig& config, double norm) {
  return 8 * static_cast<double>(config.num_layers) * std::sqrt(static_cast<double>(config.d_ff)) * 0x1p-24 * norm + 1e-6;
}

EngineOptions Exact() {
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 1024;
  return options;
}

nlohmann::json ReadJson(const std::string& path) { return nlohmann::json::parse(std::ifstream(path)); }

void ExpectRows(const std::vector<float>& logits, const nlohmann::json& expected, const ModelConfig& config) {
  ASSERT_EQ(logits.size(), expected.size() * static_cast<size_t>(config.vocab_size));
  size_t i = 0;
  for (const auto& row : expected) {
    double squares = 0;
    for (double value : row) squares += value * value;
    const double tolerance = Tolerance(config, std::sqrt(squares / static_cast<double>(row.size())));
    for (double value : row) EXPECT_NEAR(logits[i++], value, tolerance);
    if (::testing::Test::HasFailure()) return;
  }
}

class EngineLogits : public ::testing::Test {
 protected:
  nlohmann::json golden_ = ReadJson(Golden("tiny-logits.json"));
};

TEST_F(EngineLogits, BaseAgreesWithTransformers) {
  Engine engine(TinyBase(), Exact());
  for (const auto& sequence : golden_["sequences"]) {
    const SequenceId id = engine.NewSequence();
    ExpectRows(RunTokens(engine, id, sequence["ids"].get<std::vector<int32_t>>()), sequence["base"], engine.config());
  }
}

TEST_F(EngineLogits, PlainLoraAgreesWithPeft) {
  Engine engine(TinyBase(), Exact());
  const AdapterRef lora = TinyAdapter("tiny-lora");
  EXPECT_EQ(lora->activation(), Activation::kAlways);
  for (const auto& sequence : golden_["sequences"]) {
    const SequenceId id = engine.NewSequence();
    engine.SetAdapter(id, lora);
    ExpectRows(RunTokens(engine, id, sequence["ids"].get<std::vector<int32_t>>()), sequence["lora"], engine.config());
  }
}

TEST_F(EngineLogits, ActivatedLoraAgreesWithPeft) {
  Engine engine(TinyBase(), Exact());
  const AdapterRef alora = TinyAdapter("tiny-alora");
  ASSERT_EQ(alora->activation(), Activation::kInvocation);
  const std::vector<int32_t> invocation = alora->invocation();
  EXPECT_EQ(invocation, golden_["invocation"].get<std::vector<int32_t>>());
  for (const auto& sequence : golden_["sequences"]) {
    const auto ids = sequence["ids"].get<std::vector<int32_t>>();
    const auto found = std::find_end(ids.begin(), ids.end(), invocation.begin(), invocation.end());
    const SequenceId id = engine.NewSequence();
    std::vector<float> logits = RunTokens(engine, id, {ids.begin(), found});
    engine.SetAdapter(id, alora);
    const std::vector<float> rest = RunTokens(engine, id, {found, ids.end()});
    logits.insert(logits.end(), rest.begin(), rest.end());
    ExpectRows(logits, sequence["alora"], engine.config());
  }
}

class DemoLogits : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(PITH_DEMO_MODEL)) {
      GTEST_SKIP() << "the demo model is not at " << PITH_DEMO_MODEL << "; ./pith setup fetches it";
    }
    base_ = BaseModel::Load(PITH_DEMO_MODEL);
  }
  std::shared_ptr<const BaseModel> base_;
  nlohmann::json golden_ = ReadJson(Golden("runtime/demo_logits.json"));
};

TEST_F(DemoLogits, AgreeWithTransformers) {
  Engine engine(base_, Exact());
  const size_t vocab = static_cast<size_t>(engine.config().vocab_size);
  for (const auto& prompt : golden_["prompts"]) {
    const SequenceId id = engine.NewSequence();
    const std::vector<float> logits = RunTokens(engine, id, prompt["ids"].get<std::vector<int32_t>>());
    for (const auto& place : prompt["positions"]) {
      const float* row = logits.data() + place["position"].get<size_t>() * vocab;
      const double tolerance = Tolerance(engine.config(), place["norm"]);
      double squares = 0, max = *std::max_element(row, row + vocab), sum = 0;
      for (size_t i = 0; i < vocab; ++i) {
        squares += double{row[i]} * row[i];
        sum += std::exp(row[i] - max);
      }
      EXPECT_NEAR(std::sqrt(squares / static_cast<double>(vocab)), place["norm"].get<double>(), tolerance);
      EXPECT_NEAR(max + std::log(sum), place["logsumexp"].get<double>(), tolerance);
      for (const auto& top : place["top"]) EXPECT_NEAR(row[top[0].get<size_t>()], top[1].get<double>(), tolerance);
    }
  }
}

// Along transformers' greedy text the engine takes the same tokens in float32. Rounded activations (2^−9 of each for bf16,
// 1/254 of a group's largest for int8, in activations or in the cache) move logits by a few hundredths to tenths of their norm: what they take instead
// must be a near-tie.
TEST_F(DemoLogits, GreedyTextAgreesAtEveryPrecision) {
  constexpr std::pair<ActivationType, KvType> kModes[] = {{ActivationType::kF32, KvType::kF16}, {ActivationType::kBF16, KvType::kF16},
                                                          {ActivationType::kInt8, KvType::kF16}, {ActivationType::kF32, KvType::kInt8}};
  for (const auto& [type, kv] : kModes) {
    EngineOptions options = Exact();
    options.activations = type;
    options.kv_type = kv;
    Engine engine(base_, options);
    const size_t vocab = static_cast<size_t>(engine.config().vocab_size);
    for (const auto& prompt : golden_["prompts"]) {
      const SequenceId id = engine.NewSequence();
      std::vector<float> logits(vocab);
      engine.Prefill(id, prompt["ids"].get<std::vector<int32_t>>(), logits.data());
      const auto greedy = prompt["greedy"].get<std::vector<int32_t>>();
      const double norm = prompt["positions"].back()["norm"];
      const double near_tie = norm * (type == ActivationType::kInt8 ? 0.3 : type == ActivationType::kBF16 || kv == KvType::kInt8 ? 0.03 : 0);
      for (size_t i = 0; i < greedy.size(); ++i) {
        const float best = *std::max_element(logits.begin(), logits.end());
        EXPECT_LE(best - logits[static_cast<size_t>(greedy[i])], near_tie)
            << ActivationTypeName(type) << ", token " << i << " after " << prompt["text"];
        logits = RunTokens(engine, id, {&greedy[i], 1});
      }
    }
  }
}

}  // namespace
}  // namespace pith::testing
