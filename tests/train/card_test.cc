// The card of a trained adapter: what the run knew, and the same bytes however the run came to its end.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "adapters/model_card.h"
#include "adapters/peft.h"
#include "tests/train/tiny_run.h"
#include "train/run/card_curve.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Scratch;
using testing::TinyConfig;

TEST(Card, SaysWhatTheRunKnew) {
  const Scratch scratch;
  TrainConfig first = TinyConfig(scratch, "sft", "first"), second = TinyConfig(scratch, "rl", "second");
  Execute(first);
  second.run.init_adapter = first.run.folder + "/adapter";
  second.budget.tokens = 40;
  second.budget.reserve_tokens = 8;
  second.reward.times = {RewardTerm{.kind = "budget"}};
  Execute(second);
  const LoraAdapter parent = ReadPeft(first.run.folder + "/adapter"), adapter = ReadPeft(second.run.folder + "/adapter");
  ASSERT_TRUE(parent.card && adapter.card);
  EXPECT_EQ(parent.card->stage, "sft");
  EXPECT_EQ(parent.card->loss, "cross-entropy");
  EXPECT_EQ(parent.card->steps, 6);
  EXPECT_EQ(parent.card->parent_sha256, "");
  const AdapterCard& card = *adapter.card;
  EXPECT_EQ(card.name, "second");
  EXPECT_EQ(card.stage, "rl");
  EXPECT_EQ(card.loss, "dapo");
  EXPECT_EQ(card.reward, "correct × budget + 1 × free_then_falling");
  EXPECT_EQ(card.steps, 4);
  EXPECT_EQ(card.rank, 4);
  EXPECT_EQ(card.budget_tokens, 40);
  EXPECT_EQ(card.learning_rate, 5e-3);
  EXPECT_EQ(card.datasets, std::vector<std::string>{"sums.jsonl"});
  EXPECT_EQ(card.seed, 11u);
  EXPECT_EQ(card.base_sha256, adapter.base_sha256);
  EXPECT_EQ(card.parent_path, second.run.init_adapter);
  EXPECT_EQ(card.parent_sha256, AdapterHash(parent));
  EXPECT_EQ(card.adapter_sha256, AdapterHash(adapter));
  EXPECT_EQ(card.data_sha256, parent.card->data_sha256) << "the same problems";
  EXPECT_EQ(card.data_sha256.size(), 64u);
  EXPECT_NE(card.config_sha256, parent.card->config_sha256);
  EXPECT_TRUE(IsUntouchedModelCard(ReadFile(second.run.folder + "/adapter/README.md")));
}

TEST(Card, TheHashOfSettingsIsOfWhatIsComputed) {
  const Scratch scratch;
  const auto hash = [&](const char* name, uint64_t seed, int64_t save_every) {
    TrainConfig c = TinyConfig(scratch, "sft", name);
    c.sft.epochs = 1;
    c.run.seed = seed;
    c.log.save_every = save_every;
    return OpenSession(c).initial.card->config_sha256;
  };
  EXPECT_EQ(hash("here", 1, 2), hash("there", 1, 5));
  EXPECT_NE(hash("here", 1, 2), hash("here", 2, 2));
}

TEST(Card, ResumedRunsEndWithTheSameBytes) {
  const Scratch scratch;
  TrainConfig whole = TinyConfig(scratch, "sft", "run"), parts = whole;
  for (TrainConfig* c : {&whole, &parts}) {
    c->eval.every = 2;
    c->eval.dataset = c->data.dataset;
    c->eval.limit = 3;
    c->eval.max_tokens = 20;
    c->eval.max_share = 1;
  }
  parts.run.folder += "-in-parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 3);
  Execute(parts, FolderMode::kResume);
  for (const char* file : {"/adapter/pith.json", "/adapter/README.md", "/adapter/adapter_model.safetensors"}) {
    EXPECT_EQ(ReadFile(whole.run.folder + file), ReadFile(parts.run.folder + file)) << file;
  }
  const std::vector<CardPoint> curve = ReadPeft(whole.run.folder + "/adapter").card->curve;
  const auto metrics = MetricsOf(whole.run.folder);
  ASSERT_EQ(curve.size(), 3u);
  for (size_t i = 0; i < curve.size(); ++i) {
    EXPECT_EQ(curve[i].step, 2 * static_cast<int64_t>(i) + 2);
    EXPECT_EQ(curve[i].from, "training");
    EXPECT_EQ(curve[i].dataset, "sums.jsonl");
    EXPECT_EQ(curve[i].mean_tokens, metrics[2 * i + 1]["eval/mean_tokens"]);
    EXPECT_EQ(curve[i].accuracy, metrics[2 * i + 1]["eval/accuracy"]);
  }
}

TEST(Card, ACurvePerBudget) {
  TrainConfig c;
  c.eval.every = 1;
  c.eval.dataset = "gsm8k";
  c.eval.budgets = {64, 0};
  c.eval.chains = 2;
  const std::vector<MetricsLine> lines = {
      {.step = 1, .metrics = {{"loss", 1.0}}, .text = ""},
      {.step = 2, .metrics = {{"eval/64/accuracy", 0.25}, {"eval/64/accuracy_lenient", 0.5}, {"eval/64/mean_tokens", 60}, {"eval/none/accuracy", 0.75},
                              {"eval/none/accuracy_lenient", 0.75}, {"eval/none/mean_tokens", 100}}, .text = ""}};
  CardPoint cut{.from = "training", .step = 2, .dataset = "gsm8k", .budget_tokens = 64, .chains = 2, .accuracy = 0.25, .accuracy_lenient = 0.5, .mean_tokens = 60};
  CardPoint free = cut;
  free.budget_tokens = 0, free.accuracy = free.accuracy_lenient = 0.75, free.mean_tokens = 100;
  EXPECT_EQ(EvaluatedPoints(c, lines), (std::vector<CardPoint>{cut, free}));
}

}  // namespace
}  // namespace pith
