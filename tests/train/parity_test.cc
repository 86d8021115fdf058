// The trainer against transformers, PEFT and the runtime.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "adapters/torch/fresh_adapter.h"
#include "base/file.h"
#include "runtime/engine.h"
#include "train/proof/logits.h"
#include "train/session/session.h"

namespace pith {
namespace {

const std::string kGolden = PITH_TEST_GOLDEN;
using Rows = std::vector<std::vector<float>>;

double MaxDifference(const Rows& a, const Rows& b) {
  EXPECT_EQ(a.size(), b.size());
  double max = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    EXPECT_EQ(a[i].size(), b[i].size());
    for (size_t j = 0; j < std::min(a[i].size(), b[i].size()); ++j) {
      const double d = std::abs(static_cast<double>(a[i][j]) - b[i][j]);
      max = std::isfinite(d) ? std::max(max, d) : INFINITY;
    }
  }
  return max;
}

// Two layers of d 64 in float32: sums of at most 128 terms of size about 1, so a few hundred ulps.
constexpr double kTinyTolerance = 2e-5;

TEST(Parity, LogitsOfTransformersAndPeft) {
  const auto golden = nlohmann::json::parse(ReadFile(kGolden + "/tiny-logits.json"));
  std::shared_ptr<const BaseModel> base = BaseModel::Load(kGolden + "/tiny-llama");
  const LoraAdapter lora = ReadPeft(kGolden + "/tiny-lora"), alora = ReadPeft(kGolden + "/tiny-alora");
  const Model plain(base, at::kFloat, nullptr), with_lora(base, at::kFloat, &lora), with_alora(base, at::kFloat, &alora);
  for (const auto& s : golden["sequences"]) {
    const auto ids = s["ids"].get<std::vector<int32_t>>();
    EXPECT_LT(MaxDifference(SequenceLogits(plain, ids, std::nullopt), s["base"].get<Rows>()), kTinyTolerance);
    EXPECT_LT(MaxDifference(SequenceLogits(with_lora, ids, 0), s["lora"].get<Rows>()), kTinyTolerance);
    const auto begin = FindInvocation(ids, alora.invocation);
    EXPECT_LT(MaxDifference(SequenceLogits(with_alora, ids, begin), s["alora"].get<Rows>()), kTinyTolerance);
  }
}

Rows EngineLogits(std::shared_ptr<const BaseModel> base, std::span<const int32_t> ids, const AdapterRef& adapter, int64_t begin) {
  EngineOptions options;
  options.num_threads = 2;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 1024;
  Engine engine(base, options);
  const SequenceId sequence = engine.NewSequence();
  const auto vocab = static_cast<size_t>(base->config().vocab_size);
  Rows out;
  const auto run = [&](int64_t from, int64_t to) {
    std::vector<ForwardRow> rows;
    for (int64_t i = from; i < to; ++i) rows.push_back({sequence, ids[i], true});
    std::vector<float> logits(rows.size() * vocab);
    if (rows.empty()) return;
    engine.Forward(rows, logits.data());
    for (size_t i = 0; i < rows.size(); ++i) out.emplace_back(logits.begin() + i * vocab, logits.begin() + (i + 1) * vocab);
  };
  run(0, begin);
  engine.SetAdapter(sequence, adapter);
  run(begin, static_cast<int64_t>(ids.size()));
  return out;
}

TEST(Parity, RuntimeOnTheTinyModel) {
  const auto golden = nlohmann::json::parse(ReadFile(kGolden + "/tiny-logits.json"));
  std::shared_ptr<const BaseModel> base = BaseModel::Load(kGolden + "/tiny-llama");
  const LoraAdapter alora = ReadPeft(kGolden + "/tiny-alora");
  const Model model(base, at::kFloat, &alora);
  const AdapterRef packed = PackedAdapter::FromLora(alora, base->config(), TensorType::kF32);
  for (const auto& s : golden["sequences"]) {
    const auto ids = s["ids"].get<std::vector<int32_t>>();
    const auto begin = FindInvocation(ids, alora.invocation);
    EXPECT_LT(MaxDifference(SequenceLogits(model, ids, begin),
                            EngineLogits(base, ids, packed, begin.value_or(static_cast<int64_t>(ids.size())))),
              kTinyTolerance);
  }
}

TEST(Parity, RuntimeOnTheDemoModel) {
  if (!FileExists(PITH_DEMO_MODEL)) GTEST_SKIP() << "the demo model is not at " << PITH_DEMO_MODEL << "; ./pith setup fetches it";
  std::shared_ptr<const BaseModel> base = BaseModel::Load(PITH_DEMO_MODEL);
  const auto prompter = Prompter::Load(PITH_DEMO_MODEL);
  LoraAdapter adapter = FreshAdapter(base->config(), {{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}, 8, 16, {}, {}},
                                     false, 1);
  adapter.invocation = prompter->invocation();
  for (auto& [name, pair] : adapter.pairs) {
    const std::vector<float> noise = [&] {
      at::Tensor t = InitLoraA(pair.out, pair.rank, 2, std::hash<std::string>{}(name)) * 0.05;
      return std::vector<float>(t.data_ptr<float>(), t.data_ptr<float>() + t.numel());
    }();
    pair.b = noise;
  }
  Prompt prompt = prompter->Build("Ann has 3 apples and buys 4 more. How many apples does she have?");
  for (int32_t id : prompter->tokenizer().Encode("She has 3 + 4 = 7 apples.\n#### 7")) prompt.ids.push_back(id);
  const Model model(base, at::kFloat, &adapter);
  const Rows trainer = SequenceLogits(model, prompt.ids, prompt.invocation_start);
  const Rows runtime = EngineLogits(base, prompt.ids, PackedAdapter::FromLora(adapter, base->config(), TensorType::kF32),
                                    prompt.invocation_start);
  // Logits reach 30; 30 layers in float32.
  EXPECT_LT(MaxDifference(trainer, runtime), 3e-3);
}

}  // namespace
}  // namespace pith
