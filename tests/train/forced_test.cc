// Completions that their budget closes, in training: closed as pith-run closes them, counted and paid for whole, and learned from where the policy spoke.
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "adapters/packed_adapter.h"
#include "configs/reward_kinds.h"
#include "tests/train/take_gradients.h"
#include "tests/train/tiny_run.h"
#include "train/rl/policy_gradients.h"
#include "train/rl/rl_metrics.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// Sampler and trainer differ by float32's rounding alone. The tiny model hardly ever ends by itself.
TrainConfig Forced(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "rl", name);
  c.model.dtype = "float32";
  c.rollout.activations = "f32";
  c.rollout.close = "forced";
  c.rl.updates_per_rollout = 1;
  c.rl.kl_beta = 0;
  c.budget.tokens = 40;
  c.budget.reserve_tokens = 10;
  c.reward.plus[0] = DefaultRewardTerm("l1_exact");
  c.reward.plus[0].alpha = 0.01;
  return c;
}

LoraAdapter Trained(const Session& session) {
  LoraAdapter adapter = session.initial;
  for (auto& [name, pair] : adapter.pairs) {
    for (size_t i = 0; i < pair.b.size(); ++i) pair.b[i] = 0.05f * static_cast<float>(i % 7) - 0.15f;
  }
  return adapter;
}

TEST(ForcedSession, HasTheClosingOfEachBudget) {
  const Scratch scratch;
  TrainConfig c = Forced(scratch, "session");
  c.budget.sentence = "Use {budget} tokens.";
  c.budget.choices = {30, 0, 60};
  c.rollout.answer_tokens = 12;
  const Session session = OpenSession(c);
  ASSERT_EQ(session.closings.size(), 3u);
  EXPECT_FALSE(session.closing(4).has_value()) << "entry 4 is problem 1 without a budget";
  const DecodeBudget& closing = *session.closing(5);
  EXPECT_EQ(closing.tokens, 60);
  EXPECT_EQ(closing.think_tokens, 48);
  EXPECT_EQ(closing.answer_tokens, 12);
  EXPECT_EQ(closing.close_ids, session.prompter->tokenizer().Encode("\n#### ", SpecialTokens::kParse));
  c.rollout.close = "open";
  for (const auto& open : OpenSession(c).closings) EXPECT_FALSE(open.has_value());
  c.rollout.close = "forced";
  c.budget.close_text = std::string(30, '!');
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("the closing text has"), std::string::npos);
}

// A step of two groups that the budget closes.
class ForcedStep : public ::testing::Test {
 protected:
  ForcedStep() : session_(OpenSession(Forced(scratch_, "step"))) {
    PrepareProcess(1);
    session_.initial = Trained(session_);
    model_ = MakeModel(session_);
    Sampler sampler(session_);
    groups_ = sampler.Sample(session_.initial, problems_, 0, &stats_);
    std::vector<const Prompt*> prompts;
    for (const size_t p : problems_) prompts.push_back(&session_.problems[p].prompt);
    encoded_ = PromptEncoder(*model_, prompts).Encode(prompts);
    sequences_ = StepSequences(session_, problems_, groups_, encoded_);
  }
  testing::Gradients Take() { return testing::TakeGradients(*model_); }

  Scratch scratch_;
  Session session_;
  std::unique_ptr<Model> model_;
  const std::vector<size_t> problems_ = {2, 7};
  GenerateStats stats_;
  Groups groups_;
  std::vector<EncodedPrompt> encoded_;
  std::vector<TrainSequence> sequences_;
};

TEST_F(ForcedStep, EndsByTheBudgetAndScoresWhatWasDrawn) {
  const std::vector<int32_t>& close = session_.closing(0)->close_ids;
  const at::Tensor logp = PolicyLogProbs(session_.config, *model_, sequences_);
  int64_t row = 0, forced = 0;
  for (const auto& group : groups_) {
    for (const Completion& c : group) {
      EXPECT_LE(c.tokens.size(), 40u) << "64 are allowed, but B is 40";
      forced += c.forced_begin >= 0;
      if (c.forced_begin >= 0) {
        EXPECT_TRUE(std::equal(close.begin(), close.end(), c.tokens.begin() + c.forced_begin));
        EXPECT_LE(c.forced_end, 30) << "the answer has its reserve";
      }
      const std::vector<float> drawn = c.DrawnLogprobs();
      EXPECT_EQ(drawn.size(), c.tokens.size() - static_cast<size_t>(c.usage.forced_tokens));
      for (const float sampled : drawn) ASSERT_NEAR(logp.data_ptr<float>()[row++], sampled, 1e-4);
    }
  }
  EXPECT_EQ(row, logp.numel()) << "no forced token is predicted by anybody";
  EXPECT_GT(forced, 8);
}

// Against a pass that scores every token of the response and gives those that were forced the gradient zero.
TEST_F(ForcedStep, HasNoGradientFromForcedTokens) {
  RewardFunction reward(session_.config.reward, MakeBudget(session_.config.budget), 64);
  Paid paid = Pay(session_, reward, problems_, groups_);
  for (size_t i = 0; i < paid.advantages.size(); ++i) paid.advantages[i] = 0.25 * static_cast<double>(i) - 1.9;
  const PolicyBatch batch = MakeBatches(session_.config, 0, groups_, paid, sequences_).at(0);
  ASSERT_EQ(batch.sequences.size(), 16u);
  AddPolicyGradients(session_.config, *model_, batch);
  const auto masked = Take();

  std::vector<TrainSequence> whole;
  std::vector<float> share;
  double drawn = 0, all = 0;
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (const Completion& c : groups_[g]) {
      whole.push_back(MakeSequence(encoded_[g], session_.problems[problems_[g]].prompt, c.tokens));
      for (const uint8_t d : c.Drawn()) share.push_back(d != 0 ? static_cast<float>(-paid.advantages[whole.size() - 1]) : 0.0f), drawn += d, ++all;
    }
  }
  EXPECT_EQ(batch.whole.rollout_tokens, drawn) << "the loss is a mean over what is learned from";
  ASSERT_LT(drawn, all);
  const at::Tensor g = at::tensor(share).div_(drawn);
  BatchOptions options;
  options.temperature = session_.config.rollout.temperature;
  RunBatch(*model_, whole, options, [&](const at::Tensor&, const at::Tensor&, int64_t begin, int64_t end) {
    return RowGradients{g.narrow(0, begin, end - begin), {}};
  });
  for (const auto& [name, expected] : Take()) {
    const double largest = expected.abs().max().item<double>();
    EXPECT_GT(largest, 0) << name;
    EXPECT_LT((masked.at(name) - expected).abs().max().item<double>(), 5e-5 * largest) << name;
  }
}

TEST_F(ForcedStep, IsPaidAndMeasuredWhole) {
  RewardFunction reward(session_.config.reward, MakeBudget(session_.config.budget), 64);
  const Paid paid = Pay(session_, reward, problems_, groups_);
  double forced = 0, answer = 0;
  for (size_t i = 0; i < 16; ++i) {
    const Completion& c = groups_[i / 8][i % 8];
    EXPECT_NEAR(paid.results[i].reward, paid.results[i].outcome - 0.01 * static_cast<double>(40 - c.tokens.size()), 1e-12) << "L counts what was forced";
    forced += c.forced_begin >= 0;
    answer += static_cast<double>(c.usage.answer_tokens);
  }
  const Metrics m = RewardMetrics(session_.config, reward, groups_, paid);
  EXPECT_NEAR(FindMetric(m, "completions/forced_ratio").value_or(-1), forced / 16, 1e-12);
  EXPECT_NEAR(FindMetric(m, "length/answer").value_or(-1), answer / 16, 1e-12);
  EXPECT_LE(FindMetric(m, "budget/within").value_or(2), 1 - forced / 16) << "who was closed has not kept within B";
  const auto line = nlohmann::json::parse(CompletionLines(session_, 1, problems_, groups_, paid)[0]);
  EXPECT_EQ(line["forced"], groups_[0][0].forced_begin >= 0);
}

// What a phone makes of the exported adapter under the same budget, seed and prompt is what was trained on.
TEST(ForcedRollout, IsWhatTheRuntimeGenerates) {
  const std::string program = std::string(PITH_TEST_BINARY) + "/pith-run", exporter = std::string(PITH_TEST_BINARY) + "/pith-export";
  if (!FileExists(program) || !FileExists(exporter)) GTEST_SKIP() << "pith-run and pith-export are not both built";
  const Scratch scratch;
  const std::string base = scratch.path + "/base.gguf";
  ASSERT_EQ(std::system(Str(exporter, " convert --base ", PITH_TEST_GOLDEN, "/tiny-llama --type f32 --out ", base, " > /dev/null 2>&1").c_str()), 0);
  for (const int64_t answer : {0, 14}) {
    TrainConfig c = Forced(scratch, "generate");
    c.model.path = base;
    c.rollout.answer_tokens = answer;
    const Session session = OpenSession(c);
    const LoraAdapter adapter = Trained(session);
    PackedAdapter::FromLora(adapter, session.base->config(), TensorType::kF32)->WriteGguf(scratch.path + "/a.gguf");
    Sampler sampler(session);
    GenerateStats stats;
    const Groups groups = sampler.Sample(adapter, std::vector<size_t>{5}, 3, &stats);
    const std::string budget = answer > 0 ? Str("--think ", 40 - answer, " --answer ", answer) : "--budget 40";
    const std::string command = Str(program, " generate --model ", c.model.path, " --adapter ", scratch.path, "/a.gguf --threads 1 --activations f32 --kv f32 --temperature 1 ",
                                    "--chains 8 --seed ", RolloutSeed(c, 3), " ", budget, " --json --prompt '", session.problems[5].problem.question, "'");
    FILE* pipe = popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string text;
    for (char buffer[4096]; const size_t n = fread(buffer, 1, sizeof buffer, pipe);) text.append(buffer, n);
    ASSERT_EQ(pclose(pipe), 0) << command;
    const auto chains = nlohmann::json::parse(text)["chains"];
    ASSERT_EQ(chains.size(), 8u);
    int compared = 0, forced = 0;
    for (size_t i = 0; i < 8; ++i) {
      if (chains[i]["finish"] == "cancelled") continue;  // it could not change the vote any more
      EXPECT_EQ(chains[i]["token_ids"].get<std::vector<int32_t>>(), groups[0][i].tokens) << i;
      EXPECT_EQ(chains[i]["thinking_tokens"], groups[0][i].usage.thinking_tokens);
      EXPECT_EQ(chains[i]["forced_tokens"], groups[0][i].usage.forced_tokens);
      ++compared;
      forced += chains[i]["forced"].get<bool>();
    }
    EXPECT_GT(compared, 4);
    EXPECT_GT(forced, 2);
  }
}

TEST(ForcedRun, ResumesToTheBit) {
  const Scratch scratch;
  TrainConfig whole = Forced(scratch, "whole");
  whole.budget.choices = {32, 40, 0};
  whole.budget.announcement = "budget {budget}:";
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 2);
  Execute(parts, FolderMode::kResume);
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(parts.run.folder + "/adapter/adapter_model.safetensors"));
  double signal = 0, forced = 0;
  for (const auto& m : MetricsOf(whole.run.folder)) {
    EXPECT_LT(m.value("sampling/sampling_logp_difference/max", 1.0), 1e-4) << m.dump();
    signal += m["grad_norm"].get<double>();
    forced += m["completions/forced_ratio"].get<double>();
  }
  EXPECT_GT(signal, 0);
  EXPECT_GT(forced, 0);
}

}  // namespace
}  // namespace pith
