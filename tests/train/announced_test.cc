// Budgets announced at the response's beginning, in training: they are read, counted and paid for, and nothing is learned from them.
#include <ATen/ops/equal.h>

#include <gtest/gtest.h>

#include <set>

#include "adapters/peft.h"
#include "configs/reward_kinds.h"
#include "tests/train/take_gradients.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/proof/prove.h"
#include "train/rl/policy_gradients.h"
#include "train/rl/rl_metrics.h"
#include "train/rollout/exchange.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

constexpr char kText[] = "budget {budget}:";

TrainConfig WithAnnouncement(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "rl", name);
  c.budget.tokens = 30;
  c.budget.reserve_tokens = 10;
  c.budget.announcement = kText;
  c.budget.choices = {24, 40, 0};
  return c;
}

// As WithAnnouncement, with which sampler and trainer differ by float32's rounding alone.
TrainConfig Exact(const Scratch& scratch, const std::string& name) {
  TrainConfig c = WithAnnouncement(scratch, name);
  c.model.dtype = "float32";
  c.rollout.activations = "f32";
  c.rl.updates_per_rollout = 1;
  return c;
}

TEST(AnnouncedSession, HasOnePromptForEveryBudget) {
  const Scratch scratch;
  const Session session = OpenSession(WithAnnouncement(scratch, "session"));
  ASSERT_EQ(session.problems.size(), 36u);
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  for (size_t i = 0; i < session.problems.size(); ++i) {
    const PreparedProblem& p = session.problems[i];
    EXPECT_EQ(p.prompt.ids, session.problems[i / 3 * 3].prompt.ids);
    EXPECT_EQ(p.announcement, i % 3 == 2 ? std::vector<int32_t>() : tokenizer.Encode(i % 3 == 0 ? "budget 24:" : "budget 40:"));
  }
  EXPECT_EQ(session.initial.budget, (AdapterBudget{30, 10, "\n#### ", "", kText}));
  EXPECT_NE(DryRun(session).find("under a budget of 24 with ("), std::string::npos);
  EXPECT_NE(DryRun(session).find("budget 24:"), std::string::npos);

  TrainConfig c = WithAnnouncement(scratch, "long");
  c.budget.announcement = "{budget}" + std::string(80, '!') ;
  c.budget.choices.clear();
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("leaves nothing of rollout.max_completion_tokens"), std::string::npos);
  c.budget.announcement = "{budget}<|im_end|>";
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("ends a response"), std::string::npos);
}

// Two groups of three: samples that say 9, 6 and 5 tokens behind their announcement.
class AnnouncedStep : public ::testing::Test {
 protected:
  AnnouncedStep() : session_(OpenSession(Config())), model_(MakeModel(session_)) {
    for (const size_t problem : problems_) {
      std::vector<Completion>& group = groups_.emplace_back();
      for (const int n : {9, 6, 5}) {
        Completion c;
        c.tokens = session_.problems[problem].announcement;
        c.announced = static_cast<int64_t>(c.tokens.size());
        for (int i = 0; i < n; ++i) c.tokens.push_back(session_.prompter->tokenizer().Encode(std::string(1, static_cast<char>('a' + i + n))).at(0));
        for (size_t i = 0; i < c.tokens.size(); ++i) c.logprobs.push_back(i < static_cast<size_t>(c.announced) ? 0.0f : -1.0f - static_cast<float>(i));
        c.finish = n == 9 ? Finish::kLength : Finish::kStop;
        group.push_back(c);
      }
    }
    std::vector<const Prompt*> prompts;
    for (const size_t problem : problems_) prompts.push_back(&session_.problems[problem].prompt);
    encoded_ = PromptEncoder(*model_, prompts).Encode(prompts);
  }
  TrainConfig Config() const {
    TrainConfig c = Exact(scratch_, "step");
    c.rl.group_size = 3;
    c.rl.kl_beta = 0;
    return c;
  }
  pith::Paid Paid() const {
    RewardTerm length = DefaultRewardTerm("l1_exact");
    length.alpha = 0.01;
    RewardSettings settings;
    settings.plus = {length};
    return Pay(session_, RewardFunction(settings, MakeBudget(session_.config.budget), 64), problems_, groups_);
  }
  PolicyBatch Batch(const Groups& groups, const pith::Paid& paid) const {
    return MakeBatches(session_.config, 0, groups, paid, StepSequences(session_, problems_, groups, encoded_)).at(0);
  }
  testing::Gradients GradientsOf(const PolicyBatch& batch) {
    AddPolicyGradients(session_.config, *model_, batch);
    return testing::TakeGradients(*model_);
  }

  Scratch scratch_;
  Session session_;
  std::unique_ptr<Model> model_;
  const std::vector<size_t> problems_ = {3, 10};  // budgets 24 and 40
  Groups groups_;
  std::vector<EncodedPrompt> encoded_;
};

TEST_F(AnnouncedStep, IsPaidByTheWholeLengthAndJudgedByWhatWasSaid) {
  const pith::Paid paid = Paid();
  const auto announced = groups_[0][0].announced;
  ASSERT_GT(announced, 3);
  const int64_t budgets[] = {24, 40}, said[] = {9, 6, 5};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(paid.results[i].reward, -0.01 * static_cast<double>(std::abs(budgets[i / 3] - announced - said[i % 3])), 1e-12) << i;
    EXPECT_EQ(paid.texts[i].find("budget"), std::string::npos) << paid.texts[i];
    EXPECT_EQ(paid.budgets[i], budgets[i / 3]);
  }
  const RewardFunction reward(RewardSettings{}, Budget());
  const Metrics m = RewardMetrics(session_.config, reward, groups_, paid);
  EXPECT_NEAR(FindMetric(m, "completions/mean_length").value_or(-1), static_cast<double>(announced) + 20.0 / 3, 1e-12);
  EXPECT_NEAR(FindMetric(m, "length/by_budget/40").value_or(-1), static_cast<double>(announced) + 20.0 / 3, 1e-12);
  EXPECT_EQ(Outcomes(groups_, paid)[0].lengths[0], announced + 9);
  const auto line = nlohmann::json::parse(CompletionLines(session_, 1, problems_, groups_, paid)[0]);
  EXPECT_EQ(line["tokens"], announced + 9);
  EXPECT_EQ(line["completion"], paid.texts[0]);
}

TEST_F(AnnouncedStep, LearnsFromWhatWasSaidAlone) {
  const PolicyBatch batch = Batch(groups_, Paid());
  ASSERT_EQ(batch.sequences.size(), 6u);
  EXPECT_EQ(batch.whole.rollout_tokens, 2 * (9 + 6 + 5)) << "the loss is a mean over what is learned from";
  EXPECT_EQ(batch.whole.minibatch_tokens, batch.whole.rollout_tokens);
  EXPECT_EQ(batch.lengths(), (std::vector<int64_t>{9, 6, 5, 9, 6, 5}));
  EXPECT_EQ(batch.sampler_logp.size(), 40u);
  for (const float logp : batch.sampler_logp) EXPECT_LT(logp, 0) << "0 is that of a forced token";
  const PackedSequences packed = Pack(batch.sequences);
  EXPECT_EQ(packed.ids.numel(), 40) << "no announced token is predicted by anybody";
  EXPECT_EQ(packed.ids.data_ptr<int64_t>()[0], groups_[0][0].said()[0]);
}

// Learned from are the tokens said behind the announcement, as if the prompt had ended in it.
TEST_F(AnnouncedStep, HasTheGradientsOfAPromptThatEndsInIt) {
  const pith::Paid paid = Paid();
  const auto announced = GradientsOf(Batch(groups_, paid));
  Groups plain = groups_;
  for (size_t g = 0; g < problems_.size(); ++g) {
    PreparedProblem& p = session_.problems[problems_[g]];
    p.prompt.ids.insert(p.prompt.ids.end(), p.announcement.begin(), p.announcement.end());
    for (Completion& c : plain[g]) {
      c.tokens.erase(c.tokens.begin(), c.tokens.begin() + c.announced);
      c.logprobs.erase(c.logprobs.begin(), c.logprobs.begin() + c.announced);
      c.announced = 0;
    }
  }
  const auto rendered = GradientsOf(Batch(plain, paid));
  double norm = 0;
  for (const auto& [name, gradient] : announced) {
    EXPECT_TRUE(at::equal(gradient, rendered.at(name))) << name;
    norm += gradient.abs().sum().item<double>();
  }
  EXPECT_GT(norm, 0);
}

TEST_F(AnnouncedStep, TravelsBetweenRanks) {
  const std::string bytes = PackCompletions(groups_[0]);
  size_t at = 0;
  const std::vector<Completion> back = UnpackCompletions(bytes, &at);
  EXPECT_EQ(at, bytes.size());
  for (size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].announced, groups_[0][i].announced);
    EXPECT_EQ(back[i].tokens, groups_[0][i].tokens);
  }
}

// The engine that samples and the model that learns read an announcement alike, and each sample of a group has the same.
TEST(AnnouncedRollout, SamplerAndTrainerAgree) {
  const Scratch scratch;
  Session session = OpenSession(Exact(scratch, "rollout"));
  for (auto& [name, pair] : session.initial.pairs) {
    for (size_t i = 0; i < pair.b.size(); ++i) pair.b[i] = 0.05f * static_cast<float>(i % 7) - 0.15f;
  }
  const auto policy = MakeModel(session);
  Sampler sampler(session);
  GenerateStats stats;
  const std::vector<size_t> problems = {0, 4, 8};  // budgets 24, 40, none
  const Groups groups = sampler.Sample(session.initial, problems, 0, &stats);
  std::vector<const Prompt*> prompts;
  for (const size_t p : problems) prompts.push_back(&session.problems[p].prompt);
  const std::vector<TrainSequence> sequences = StepSequences(session, problems, groups, PromptEncoder(*policy, prompts).Encode(prompts));
  const at::Tensor logp = PolicyLogProbs(session.config, *policy, sequences);
  int64_t row = 0;
  for (size_t g = 0; g < problems.size(); ++g) {
    const std::vector<int32_t>& told = session.problems[problems[g]].announcement;
    EXPECT_EQ(told.empty(), g == 2);
    for (const Completion& c : groups[g]) {
      EXPECT_EQ(c.announced, static_cast<int64_t>(told.size()));
      EXPECT_TRUE(std::equal(told.begin(), told.end(), c.tokens.begin()));
      EXPECT_LE(c.tokens.size(), 64u) << "a completion's limit counts them";
      for (const float sampled : c.DrawnLogprobs()) ASSERT_NEAR(logp.data_ptr<float>()[row++], sampled, 1e-4);
    }
  }
  EXPECT_EQ(row, logp.numel());
}

TEST(AnnouncedRun, ResumesToTheBitAndLeavesTheTextWithTheAdapter) {
  const Scratch scratch;
  TrainConfig whole = Exact(scratch, "whole");
  whole.rl.steps = 6;
  whole.reward.plus[0] = DefaultRewardTerm("l1_exact");
  whole.reward.plus[0].alpha = 0.01;
  whole.eval.every = 3;
  whole.eval.budgets = {40, 0};
  whole.eval.split = "train";
  whole.eval.limit = 4;
  whole.eval.max_tokens = 40;
  whole.eval.max_share = 1;
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 3);
  Execute(parts, FolderMode::kResume);
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(parts.run.folder + "/adapter/adapter_model.safetensors"));
  double signal = 0;
  for (const auto& m : MetricsOf(whole.run.folder)) {
    EXPECT_LT(m.value("sampling/sampling_logp_difference/max", 1.0), 1e-4) << m.dump();
    signal += m["grad_norm"].get<double>();
  }
  EXPECT_GT(signal, 0);
  EXPECT_TRUE(MetricsOf(whole.run.folder).back().contains("eval/40/accuracy"));
  std::set<int64_t> budgets;
  std::string all;
  for (int step = 1; step <= 6; ++step) all += ReadFile(whole.run.folder + Str("/completions/step-", step, ".jsonl"));
  std::istringstream lines(all);
  std::map<std::string, std::set<int64_t>> of_group;
  for (std::string text; std::getline(lines, text);) {
    const auto line = nlohmann::json::parse(text);
    EXPECT_EQ(line["completion"].get<std::string>().find("budget "), std::string::npos);
    of_group[line["step"].dump() + line["id"].get<std::string>()].insert(line["budget"].get<int64_t>());
    budgets.insert(line["budget"].get<int64_t>());
  }
  for (const auto& [group, of] : of_group) EXPECT_EQ(of.size(), 1u) << group;
  EXPECT_GT(budgets.size(), 1u);

  ProveAdapter(OpenSession(whole), whole.run.folder + "/adapter");
  const LoraAdapter adapter = ReadPeft(whole.run.folder + "/adapter");
  EXPECT_EQ(adapter.budget->announcement, kText);
  ASSERT_TRUE(adapter.proof.has_value());
  for (const ProofPrompt& prompt : adapter.proof->prompts) {  // what is proved needs no budget
    EXPECT_EQ(Prompter::Load(whole.model.path)->tokenizer().Decode(prompt.ids).find("budget "), std::string::npos);
  }
}

}  // namespace
}  // namespace pith
