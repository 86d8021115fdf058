// The switcher: its two forms of file, the choice by hand, what a cost asks for, and what is refused.
#include "adapters/switcher_head.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "adapters/proof_check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/rng.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

const std::string kTinyAlora = PITH_TEST_GOLDEN "/tiny-alora";

LinearHead DrawnHead(Rng& rng, double size) {
  LinearHead head;
  for (int i = 0; i < 64; ++i) head.weights.push_back(static_cast<float>(size * (rng.Uniform() - 0.5)));
  head.bias = static_cast<float>(rng.Uniform());
  return head;
}

SwitcherHead SomeSwitcher(const std::string& adapter_sha256) {
  SwitcherHead head;
  Rng rng(8);
  head.arms = {{"base", "", 0, false, DrawnHead(rng, 2), DrawnHead(rng, 30), 3, 120}, {"adapter", kOwnAdapter, 0, false, DrawnHead(rng, 2), DrawnHead(rng, 30), 4, 80},
               {"adapter, budget 64", kOwnAdapter, 64, true, DrawnHead(rng, 2), DrawnHead(rng, 30), 4, 64},
               {"another \"one\"", std::string(64, 'c'), 32, false, DrawnHead(rng, 1e-20), DrawnHead(rng, 1), 0, 32}};
  head.price = 0.0078125f;
  head.curve = {{0, 60, 0.75f}, {0.0078125f, 40, 0.625f}, {0.5f, 20, 0.5f}};
  head.adapter_sha256 = adapter_sha256;
  head.fit = {.dataset = "synthetic, everyday", .type = "q8_0", .activations = "int8", .kv_type = "f16", .max_tokens = 128, .fit_problems = 60, .held_out_problems = 20, .target_tokens = 42.5,
              .accuracy = 0.75, .mean_tokens = 41, .random_accuracy = 0.5, .difference_low = 0.125, .difference_high = 0.375, .arm_accuracy = {0.5, 0.25, 0.25, 0},
              .arm_tokens = {60, 30, 28, 16}, .arm_auc = {0.75, 0.875, 0.75, 0.5}, .arm_calibration_error = {0.0625, 0.03125, 0.125, 0}};
  return head;
}

std::string Refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(SwitcherHead, GoesThroughJsonAndBack) {
  const SwitcherHead head = SomeSwitcher(std::string(64, 'a'));
  EXPECT_EQ(ReadSwitcherJson("x", SwitcherJson(head)), head);
}

TEST(SwitcherHead, TravelsFromThePeftFolderIntoTheGguf) {
  const TempFolder folder;
  ModelConfig config = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama")->config();
  config.rope = config.gguf_rope;  // as a GGUF of it would be read
  LoraAdapter lora = ReadPeft(kTinyAlora);
  EXPECT_FALSE(lora.switcher) << "a folder without one has none";
  lora.switcher = SomeSwitcher(AdapterHash(lora));
  WritePeft(lora, folder / "adapter");
  EXPECT_EQ(ReadPeft(folder / "adapter").switcher, lora.switcher);

  const std::string path = folder / "a.gguf", bare = folder / "bare.gguf";
  PackedAdapter::FromLora(ReadPeft(folder / "adapter"), config, TensorType::kF16)->WriteGguf(path);
  const auto packed = PackedAdapter::FromGguf(path, config);
  EXPECT_EQ(packed->switcher(), lora.switcher);
  EXPECT_FALSE(packed->verifier());
  EXPECT_FALSE(PackedAdapter::Scaled(packed, 0.5f)->switcher()) << "it was fitted at this scale alone";

  // For llama.cpp there is nothing new: the tensors are those of a file without a head, which has no key of ours more.
  PackedAdapter::FromLora(ReadPeft(kTinyAlora), config, TensorType::kF16)->WriteGguf(bare);
  const GgufFile a(path), b(bare);
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) EXPECT_EQ(a.tensors()[i].name, b.tensors()[i].name);
  for (const GgufEntry& entry : a.entries()) EXPECT_TRUE(b.Has(entry.key) || entry.key.starts_with("pith.switcher.")) << entry.key;
  EXPECT_FALSE(PackedAdapter::FromGguf(bare, config)->switcher());
  constexpr uint32_t kF32 = 6;  // of GGUF's metadata
  for (const GgufEntry& entry : a.entries()) {
    if (entry.key == "pith.switcher.weights" || entry.key == "pith.switcher.token_weights") {
      EXPECT_EQ(entry.bytes[0], kF32) << entry.key << " is an array of F32";
    }
  }

  lora.pairs.begin()->second.b[0] += 1;
  WritePeft(lora, folder / "changed");
  EXPECT_FALSE(FileExists(folder / "changed/" + std::string(kSwitcherFile))) << "the tensors were changed since";
}

// P − λ·t by hand.
TEST(SwitcherHead, ChoosesWhatIsWorthMost) {
  const double right[] = {0.5, 0.875, 0.75}, tokens[] = {10, 40, 20};
  EXPECT_EQ(BestArm(right, tokens, 0), 1u);
  EXPECT_EQ(BestArm(right, tokens, 0.005), 1u);        // 0.45, 0.675, 0.65
  EXPECT_EQ(BestArm(right, tokens, 0.0078125), 2u);    // 0.422, 0.5625, 0.594
  EXPECT_EQ(BestArm(right, tokens, 0.03125), 0u);      // 0.1875, −0.375, 0.125
  const double same[] = {0.5, 0.5, 0.5}, longer[] = {30, 20, 20};
  EXPECT_EQ(BestArm(same, longer, 0), 1u) << "of equal ones the shorter, then the first";
  const double worth[] = {0.75, 0.5}, cost[] = {64, 32};
  EXPECT_EQ(BestArm(worth, cost, 0.0078125), 1u) << "0.25 both: the shorter";

  SwitcherHead head;
  head.arms = {{"base", "", 0, false, {{1, 0}, 0}, {{0, 8}, 4}, 5, 50}, {"adapter", kOwnAdapter, 0, false, {{-1, 0}, 0}, {{0, 0}, 20}, 0, 30}};
  const float first[] = {1, 2}, second[] = {-1, 100}, third[] = {2, 0};
  const SwitchChoice a = ChooseArm(head, 0, first);
  EXPECT_EQ(a.arm, 0u);
  EXPECT_DOUBLE_EQ(a.right[0], 1 / (1 + std::exp(-1.0)));
  EXPECT_DOUBLE_EQ(a.right[1], 1 / (1 + std::exp(1.0)));
  EXPECT_DOUBLE_EQ(a.tokens[0], 20);
  EXPECT_DOUBLE_EQ(a.tokens[1], 20);
  const SwitchChoice b = ChooseArm(head, 0, second);
  EXPECT_EQ(b.arm, 1u);
  EXPECT_DOUBLE_EQ(b.tokens[0], 50) << "no more than was ever seen";
  EXPECT_DOUBLE_EQ(ChooseArm(head, 0, third).tokens[0], 5) << "and no less";
  // Of 0.881 and 0.119, at 5 and 20 tokens, no price makes the longer one better.
  EXPECT_EQ(ChooseArm(head, 1, third).arm, 0u);
}

TEST(SwitcherHead, ACostIsAPriceOfTheCurve) {
  const SwitcherHead head = SomeSwitcher("");
  EXPECT_EQ(PriceFor(head, 100, "a"), 0);
  EXPECT_EQ(PriceFor(head, 60, "a"), 0);
  EXPECT_EQ(PriceFor(head, 59, "a"), 0.0078125f);
  EXPECT_EQ(PriceFor(head, 20, "a"), 0.5f);
  EXPECT_EQ(Refusal([&] { PriceFor(head, 19, "a"); }),
            "'a': the adapter's switcher was asked for 19 tokens an answer on average, and the least that it was seen to need is 20; allow as many");
  SwitcherHead bare = head;
  bare.curve.clear();
  EXPECT_NE(Refusal([&] { PriceFor(bare, 19, "a"); }).find("has no curve of prices"), std::string::npos);
}

TEST(SwitcherHead, RefusesWhatIsNone) {
  const std::string good = SwitcherJson(SomeSwitcher(""));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return Refusal([&] { ReadSwitcherJson("h.json", text); });
  };
  const std::string head = "'h.json': the adapter's switcher ", remedy = "; fit it again with stage: switcher";
  EXPECT_EQ(with("\"version\": 1", "\"version\": 2"), head + "has version 2, this pith reads 1" + remedy);
  EXPECT_EQ(with("\"arms\": [\"base\",\"adapter\",", "\"arms\": [\"base\",\"base\","), head + "has two arms of one name" + remedy);
  EXPECT_EQ(with("\"arm_budgets\": [0,0,64,32]", "\"arm_budgets\": [0,0,64]"), head + "has 3 entries in arm_budgets, expected one for each of its 4 arms" + remedy);
  EXPECT_EQ(with("\"arm_budgets\": [0,0,64,32]", "\"arm_budgets\": [0,0,-64,32]"), head + "has the arm 'adapter, budget 64' under a budget of -64" + remedy);
  EXPECT_EQ(with("\"arm_adapters\": [\"\",\"self\"", "\"arm_adapters\": [\"\",\"mine\""), head + "has the arm 'adapter' of the adapter 'mine', expected none, self or 64 hex digits" + remedy);
  EXPECT_NE(with("\"arm_told\": [0,0,1,0]", "\"arm_told\": [0,1,1,0]").find("that is told a budget, which it has none of"), std::string::npos);
  EXPECT_EQ(with("\"weights\": [", "\"weights\": [1, "), head + "has 257 weights, expected as many for each of its 4 arms" + remedy);
  EXPECT_EQ(with("\"token_weights\": [", "\"token_weights\": [1, "), head + "has 257 entries in token_weights, expected as many as weights, 256" + remedy);
  EXPECT_EQ(with("\"price\": 0.0078125", "\"price\": -1"), head + "has the price -1, expected 0 or more" + remedy);
  EXPECT_EQ(with("\"curve_prices\": [0.0,", "\"curve_prices\": [1.0,"), head + "has a curve whose prices do not rise from 0 or more" + remedy);
  EXPECT_EQ(with("\"curve_tokens\": [60.0,", "\"curve_tokens\": ["), head + "has a curve of 3 prices, 2 lengths and 3 accuracies" + remedy);
  EXPECT_NE(with("\"token_biases\": [", "\"token_biases\": [1e300, \"x\", "), "");
  EXPECT_NE(with("\"least_tokens\": [3.0,4.0", "\"least_tokens\": [3.0,400.0").find("with 400 to 80 tokens an answer"), std::string::npos);
  EXPECT_EQ(with("\"fit_problems\": 60", "\"fit_problems\": -1"), head + "was fitted on -1 problems or tokens" + remedy);
  EXPECT_EQ(with("\"random_accuracy\"", "\"rnd\""), head + "lacks random_accuracy" + remedy);
  EXPECT_NE(Refusal([] { ReadSwitcherJson("h.json", "[]"); }), "");

  const ModelConfig config = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama")->config();
  SwitcherHead wide = SomeSwitcher("");
  for (SwitchArm& arm : wide.arms) arm.right.weights.push_back(1);
  EXPECT_EQ(Refusal([&] { CheckSwitcherFits("a.gguf", wide, config); }),
            "'a.gguf': the adapter's switcher has heads of 65 weights, and the base's hidden states 64 values; the adapter belongs to another base");
}

// Lengths have a bound of their own, in tokens.
TEST(SwitcherHead, AReplayOffByMoreThanTheNoiseIsFound) {
  SwitcherHead head = SomeSwitcher("");
  head.proof_logits = {1, 2, 3, 4};
  head.proof_tokens = {10, 20, 30, 40};
  const SwitcherReplay good = {{1, 2, 3, 4}, {10, 20, 30, 40}, {1, 1, 1, 1}, {10, 10, 10, 10}};
  const auto verdict = [&](const SwitcherReplay& replay, double noise) {
    ProofResult result;
    CheckSwitcher(head, replay, noise, &result);
    EXPECT_EQ(result.findings.empty(), result.ok());
    return result.findings.empty() ? std::string() : result.findings[0].kind + ": " + result.findings[0].sentence;
  };
  EXPECT_EQ(verdict(good, 1e-3), "");
  SwitcherReplay off = good;
  off.logits[1] += 0.1f;
  EXPECT_NE(verdict(off, 1e-3).find("switcher: the switcher sees otherwise than its exporter computed, its logits off by 0.05"), std::string::npos) << verdict(off, 1e-3);
  EXPECT_EQ(verdict(off, 1e-2), "") << "within the noise";
  off = good;
  off.tokens[3] -= 1;
  EXPECT_NE(verdict(off, 1e-3).find("its lengths off by 0.5"), std::string::npos) << verdict(off, 1e-3);
  off.logits.pop_back();
  EXPECT_NE(verdict(off, 1e-3).find("has 4 values for the proof's prompts, and 3 were replayed"), std::string::npos);
}

}  // namespace
}  // namespace pith
