// Alarms by table, budgets drawn per prompt, and whole runs that are steered: the controller, the curriculum and the alarms of a
// resumed run are those of an uninterrupted one.
#include <gtest/gtest.h>

#include <set>

#include "configs/reward_kinds.h"
#include "tests/train/tiny_run.h"
#include "train/rl/rl_metrics.h"
#include "train/rl/rl_steering.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// ---- alarms

AlarmSettings Only(double AlarmSettings::*alarm, double limit) {
  AlarmSettings s;
  s.patience = 2;
  for (double AlarmSettings::*each : {&AlarmSettings::truncated, &AlarmSettings::repetition, &AlarmSettings::entropy_low,
                                      &AlarmSettings::entropy_rise, &AlarmSettings::no_signal, &AlarmSettings::wrong_longer,
                                      &AlarmSettings::after_close, &AlarmSettings::accuracy_drop}) {
    s.*each = 0;
  }
  s.*alarm = limit;
  return s;
}

// The steps (from 1) at which the alarm begins to sound.
std::vector<int64_t> Sounds(const AlarmSettings& settings, const std::string& metric, const std::vector<double>& values) {
  Alarms alarms(settings);
  std::vector<int64_t> at;
  for (size_t i = 0; i < values.size(); ++i) {
    const Metrics metrics = {{"step", 1}, {metric, values[i]}};
    for (const Alarm& alarm : alarms.Observe(static_cast<int64_t>(i) + 1, metrics)) {
      at.push_back(static_cast<int64_t>(i) + 1);
      EXPECT_NE(alarm.sentence.find("alarm " + alarm.name), std::string::npos);
    }
  }
  return at;
}

TEST(Alarms, SoundOnceTheyHeldForTheirPatience) {
  using Steps = std::vector<int64_t>;
  EXPECT_EQ(Sounds(Only(&AlarmSettings::truncated, 0.5), "completions/clipped_ratio", {0.6, 0.5, 0.6, 0.6, 0.6, 0.6}), (Steps{4}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::truncated, 0.5), "completions/clipped_ratio", {0.6, 0.6, 0.1, 0.6, 0.6}), (Steps{2, 5}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::repetition, 0.3), "completions/repetition", {0.3, 0.3, 0.31, 0.4}), (Steps{4}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::no_signal, 0.8), "frac_reward_zero_std", {1, 1}), (Steps{2}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::entropy_low, 0.05), "entropy", {0.05, 0.04, 0.06, 0.01, 0.02}), (Steps{5}));
  // The start is the mean of the first two, 0.5; limit 3 · 0.5.
  EXPECT_EQ(Sounds(Only(&AlarmSettings::entropy_rise, 3), "entropy", {0.4, 0.6, 1.5, 1.51, 1.6}), (Steps{5}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::entropy_rise, 3), "entropy", {9, 9, 9, 9, 9}), Steps{}) << "high from the start is no rise";
  // At first 2 tokens, which count as 5: limit 15.
  EXPECT_EQ(Sounds(Only(&AlarmSettings::after_close, 3), "completions/after_close", {2, 2, 15, 14, 16, 17}), (Steps{6}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::after_close, 3), "completions/after_close", {10, 10, 16, 17, 31, 32}), (Steps{6}));
  // Mean 0.5, then m ← 0.8 m + 0.2 x: 0.6, 0.5 (drop 0.1), 0.42 (0.18), 0.336 (0.264), 0.2688 (0.3312).
  EXPECT_EQ(Sounds(Only(&AlarmSettings::accuracy_drop, 0.2), "accuracy", {0.5, 1.0, 0.1, 0.1, 0, 0}), (Steps{6}));
  EXPECT_EQ(Sounds(Only(&AlarmSettings::truncated, 0), "completions/clipped_ratio", {1, 1, 1}), Steps{}) << "0 switches it off";
  EXPECT_EQ(Sounds(Only(&AlarmSettings::truncated, 0.5), "entropy", {1, 1, 1}), Steps{}) << "not measured";
  EXPECT_EQ(Sounds(Only(&AlarmSettings::entropy_rise, 3), "entropy", {0.1, 0.1, std::nan(""), 1, 1}), (Steps{5})) << "no number";
}

TEST(Alarms, CompareWrongAnswersWithRightOnes) {
  Alarms alarms(Only(&AlarmSettings::wrong_longer, 2));
  const auto observe = [&](int64_t step, double right, double wrong) {
    return alarms.Observe(step, Metrics{{"length/right", right}, {"length/wrong", wrong}}).size();
  };
  EXPECT_EQ(observe(1, 10, 30), 0u);
  EXPECT_EQ(observe(2, 10, 30), 0u);  // the start: 3
  EXPECT_EQ(observe(3, 10, 29), 0u);
  EXPECT_EQ(observe(4, 10, 29), 0u) << "more than 2, but no more than at the start";
  EXPECT_EQ(observe(5, 10, 31), 0u);
  EXPECT_EQ(alarms.Observe(6, Metrics{{"length/wrong", 99}}).size(), 0u) << "none right: not measured";
  EXPECT_EQ(observe(7, 10, 45), 1u);
}

TEST(Alarms, SayWhatSinceWhenTheNumberAndTheCure) {
  AlarmSettings settings = Only(&AlarmSettings::entropy_rise, 3);
  settings.stop = {"entropy_rise"};
  Alarms alarms(settings);
  std::vector<Alarm> heard;
  for (int64_t step = 1; step <= 5; ++step) {
    for (Alarm& a : alarms.Observe(step, Metrics{{"entropy", step < 4 ? 0.5 : 2.0}})) heard.push_back(a);
  }
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].demand, Demand::kStop);
  EXPECT_EQ(heard[0].sentence, "alarm entropy_rise, since step 4: the sampler's entropy, in nats, is 2 (limit 3, 0.5 at the start); lower "
                               "optimizer.learning_rate or set rl.kl_beta: the policy is falling apart");
  EXPECT_EQ(alarms.sounding(), 1);
}

TEST(Alarms, RollBackAndSoundAgainWhereThatDidNotHelp) {
  AlarmSettings settings = Only(&AlarmSettings::truncated, 0.5);
  EXPECT_EQ(Sounds(settings, "completions/clipped_ratio", {1, 1, 1, 1, 1}), (std::vector<int64_t>{2}));
  settings.roll_back = {"truncated"};
  EXPECT_EQ(Sounds(settings, "completions/clipped_ratio", {1, 1, 1, 1, 1}), (std::vector<int64_t>{2, 4}));
  Alarms alarms(settings);
  alarms.Observe(1, Metrics{{"completions/clipped_ratio", 1}});
  const auto heard = alarms.Observe(2, Metrics{{"completions/clipped_ratio", 1}});
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].demand, Demand::kRollBack);
}

TEST(Alarms, GoOnFromTheirSavedState) {
  AlarmSettings settings;
  settings.patience = 3;
  Alarms whole(settings);
  Rng random(6);
  int64_t heard = 0;
  for (int64_t step = 1; step <= 200; ++step) {
    Alarms resumed(settings);
    resumed.Load(whole.Save());
    const Metrics metrics = {{"completions/clipped_ratio", 0.3 + 0.3 * random.Uniform()}, {"completions/repetition", random.Uniform()},
                             {"entropy", 0.2 * random.Uniform()}, {"frac_reward_zero_std", 0.7 + 0.2 * random.Uniform()},
                             {"length/right", 20 + 20 * random.Uniform()}, {"length/wrong", 90 * random.Uniform()},
                             {"completions/after_close", 30 * random.Uniform()}, {"accuracy", random.Uniform()}};
    const auto a = whole.Observe(step, metrics), b = resumed.Observe(step, metrics);
    ASSERT_EQ(a.size(), b.size()) << step;
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].sentence, b[i].sentence);
    EXPECT_EQ(whole.Save(), resumed.Save());
    heard += static_cast<int64_t>(a.size());
  }
  EXPECT_GT(heard, 10);
  for (const char* text : {"", "{}", "[]", "{\"truncated\": [1]}"}) EXPECT_THROW(Alarms(settings).Load(text), UserError) << text;
}

// ---- budgets

TrainConfig WithChoices(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "rl", name);
  c.budget.tokens = 30;
  c.budget.sentence = "Use {budget} tokens.";
  c.budget.choices = {20, 40, 0};
  c.reward.plus[0] = DefaultRewardTerm("l1_exact");
  return c;
}

TEST(Session, HoldsEveryProblemUnderEveryBudget) {
  const Scratch scratch;
  const Session session = OpenSession(WithChoices(scratch, "choices"));
  ASSERT_EQ(session.problems.size(), 36u);
  EXPECT_EQ(session.num_problems(), 12u);
  EXPECT_EQ(session.initial.budget->tokens, 30) << "the adapter carries budget.tokens";
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  for (size_t i = 0; i < session.problems.size(); ++i) {
    const PreparedProblem& p = session.problems[i];
    EXPECT_EQ(p.problem.id, session.problems[i / 3 * 3].problem.id);
    EXPECT_EQ(p.budget_tokens, (std::vector<int64_t>{20, 40, 0})[i % 3]);
    const std::string text = tokenizer.Decode(p.prompt.ids);
    EXPECT_EQ(text.find("Use 20 tokens.") != std::string::npos, i % 3 == 0) << text;
    EXPECT_EQ(text.find("Use 40 tokens.") != std::string::npos, i % 3 == 1) << text;
    EXPECT_EQ(text.find("Use ") != std::string::npos, i % 3 != 2) << text;
  }
  // Drawn by step and place; the problem stays.
  const std::vector<size_t> problems = {5, 5, 5, 5, 0, 11};
  const std::vector<size_t> drawn = WithBudgets(session, 7, 0, problems);
  std::set<size_t> budgets;
  for (size_t i = 0; i < problems.size(); ++i) {
    EXPECT_EQ(drawn[i] / 3, problems[i]);
    EXPECT_EQ(drawn[i] % 3, DrawBudget(3, session.config.run.seed, 7, static_cast<int64_t>(i)));
    budgets.insert(drawn[i] % 3);
  }
  EXPECT_GT(budgets.size(), 1u);
  EXPECT_EQ(WithBudgets(session, 7, 2, {5, 5, 0, 11}), std::vector<size_t>(drawn.begin() + 2, drawn.end())) << "places count on";
  const Session plain = OpenSession(TinyConfig(scratch, "rl", "plain"));
  EXPECT_EQ(WithBudgets(plain, 7, 0, problems), problems);
}

TEST(Pay, GoesByTheBudgetOfEachPrompt) {
  const Scratch scratch;
  Session session = OpenSession(WithChoices(scratch, "pay"));
  session.config.rl.group_size = 2;
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  // Problem 3 under budgets 20, 40 and none; each group one right answer of n tokens and one of 25 that repeats itself.
  std::vector<int32_t> right = tokenizer.Encode("#### " + session.problems[9].problem.answer);
  right.push_back(EndOfTurn(tokenizer));
  const auto n = static_cast<int64_t>(right.size());
  const auto completion = [](std::vector<int32_t> ids, Finish finish) {
    Completion c;
    c.logprobs.resize(ids.size());
    c.tokens = std::move(ids);
    c.finish = finish;
    return c;
  };
  const std::vector<Completion> group = {completion(right, Finish::kStop),
                                         completion(std::vector<int32_t>(25, tokenizer.Encode("a").at(0)), Finish::kLength)};
  const Groups groups = {group, group, group};
  const std::vector<size_t> problems = {9, 10, 11};
  RewardTerm exact = DefaultRewardTerm("l1_exact");
  exact.alpha = 0.01;
  RewardSettings settings;
  settings.plus = {exact};
  const RewardFunction reward(settings, MakeBudget(session.config.budget), 64);
  const Paid paid = Pay(session, reward, problems, groups);
  EXPECT_NEAR(paid.results[0].reward, 1 - 0.01 * static_cast<double>(std::abs(20 - n)), 1e-12);
  EXPECT_NEAR(paid.results[1].reward, -0.05, 1e-12);
  EXPECT_NEAR(paid.results[3].reward, -0.15, 1e-12);
  EXPECT_NEAR(paid.results[5].reward, 0, 1e-12);
  RewardState half;
  half.length_weight = 0.5;
  EXPECT_NEAR(Pay(session, reward, problems, groups, half).results[3].reward, -0.075, 1e-12);
  EXPECT_EQ(paid.budgets, (std::vector<int64_t>{20, 20, 40, 40, 0, 0}));

  const Metrics m = RewardMetrics(session.config, reward, groups, paid);
  const auto get = [&](const char* name) { return FindMetric(m, name).value_or(-1); };
  EXPECT_NEAR(get("length/right"), static_cast<double>(n), 1e-12);
  EXPECT_NEAR(get("length/wrong"), 25, 1e-12);
  EXPECT_NEAR(get("length/by_budget/20"), static_cast<double>(n + 25) / 2, 1e-12);
  EXPECT_NEAR(get("length/by_budget/0"), static_cast<double>(n + 25) / 2, 1e-12);
  EXPECT_NEAR(get("budget/within"), 3.0 / 4, 1e-12) << "25 tokens are beyond 20, within 40";
  EXPECT_NEAR(get("budget/within/20"), 0.5, 1e-12);
  EXPECT_NEAR(get("budget/within/40"), 1, 1e-12);
  EXPECT_EQ(get("budget/within/0"), -1) << "there is none to keep within";
  for (const char* name : {"accuracy/by_budget/20", "accuracy/by_budget/40", "accuracy/by_budget/0"}) EXPECT_NEAR(get(name), 0.5, 1e-12) << name;
  EXPECT_NEAR(get("completions/repetition"), (1 - 1.0 / 23) / 2, 1e-12);
  EXPECT_EQ(get("completions/after_close"), 0);
  EXPECT_NE(CompletionLines(session, 1, problems, groups, paid)[2].find("\"budget\":40"), std::string::npos);
  const auto outcomes = Outcomes(groups, paid);
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[1].lengths, (std::vector<int64_t>{n, 25}));
  EXPECT_EQ(outcomes[1].right, (std::vector<uint8_t>{1, 0}));
}

TEST(Pay, CountsWhatFollowsTheMarkedAnswer) {
  const Scratch scratch;
  Session session = OpenSession(TinyConfig(scratch, "rl", "after"));
  session.config.rl.group_size = 1;
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const std::vector<int32_t> head = tokenizer.Encode("so\n#### 4"), tail = tokenizer.Encode("\nbut wait, is it");
  Completion c;
  c.tokens = head;
  c.tokens.insert(c.tokens.end(), tail.begin(), tail.end());
  c.tokens.push_back(EndOfTurn(tokenizer));
  c.logprobs.resize(c.tokens.size());
  c.finish = Finish::kStop;
  const RewardFunction reward(RewardSettings{}, Budget());
  const std::vector<size_t> problems = {0};
  EXPECT_EQ(Pay(session, reward, problems, {{c}}).measures[0].after_close, static_cast<int64_t>(tail.size())) << "without the end of turn";
}

// ---- whole runs

TEST(SteeredRun, ResumedEqualsUninterruptedToTheBit) {
  const Scratch scratch;
  TrainConfig whole = WithChoices(scratch, "whole");
  whole.rl.steps = 8;
  whole.rl.updates_per_rollout = 1;
  whole.reward.plus[0].alpha = 0.01;
  whole.reward.plus.push_back(DefaultRewardTerm("laser_d"));
  whole.reward.plus[1].update_every = 2;
  whole.reward.plus[1].window_steps = 3;
  whole.controller.target_tokens = 40;
  whole.controller.start_weight = 0.5;
  whole.curriculum.enabled = true;
  whole.curriculum.visits = 1;
  whole.alarms.patience = 2;
  whole.alarms.truncated = 0.05;
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 3);
  Execute(parts, FolderMode::kResume, 6);
  Execute(parts, FolderMode::kResume);
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(parts.run.folder + "/adapter/adapter_model.safetensors"));
  EXPECT_EQ(ReadFile(whole.run.folder + "/checkpoints/step-8/state.json"), ReadFile(parts.run.folder + "/checkpoints/step-8/state.json"));
  std::set<double> weights, fresh;
  for (const auto& m : MetricsOf(whole.run.folder)) {
    weights.insert(m["controller/weight"].get<double>());
    fresh.insert(m["curriculum/fresh"].get<double>());
    EXPECT_TRUE(m.contains("laser_d/hard_tokens"));
    EXPECT_TRUE(m.contains("alarms"));
  }
  EXPECT_GT(weights.size(), 3u) << "the controller moved";
  EXPECT_EQ(*fresh.begin(), 0) << "12 problems in 6 steps of 2";
}

TEST(SteeredRun, StopsByAnAlarm) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "stopped");
  c.rl.steps = 6;
  c.alarms.patience = 2;
  c.alarms.truncated = 0.01;  // an untrained model ends now and then only
  c.alarms.stop = {"truncated"};
  ::testing::internal::CaptureStderr();
  const std::string refusal = Refusal([&] { Execute(c); });
  const std::string said = ::testing::internal::GetCapturedStderr() + refusal;
  EXPECT_NE(said.find("alarm truncated, since step 1"), std::string::npos) << said;
  EXPECT_EQ(MetricsOf(c.run.folder).size(), 2u);
}

}  // namespace
}  // namespace pith
