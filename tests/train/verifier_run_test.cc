// RL with a judge of the user's: a tiny run from end to end; what a judge fails on teaches nothing; wrong answers are not paid by length;
// what dynamic sampling leaves out is seen all the same.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <sstream>

#include "base/rng.h"
#include "configs/reward_kinds.h"
#include "tests/train/tiny_run.h"
#include "train/policy/advantages.h"
#include "train/rl/rl_metrics.h"
#include "train/rl/rl_steering.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// Pays by the number of letters "e", and keeps what it was sent.
TrainConfig Judged(const Scratch& scratch, const std::string& name, const std::string& judge) {
  TrainConfig c = TinyConfig(scratch, "rl", name);
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    lines += "{\"question\": \"Say something, " + std::to_string(i) + ".\", \"kind\": \"letters\", \"payload\": {\"letter\": \"e\", \"n\": " + std::to_string(i) + "}}\n";
  }
  lines += "{\"question\": \"What is 2 + 2?\", \"answer\": \"4\"}\n";
  WriteFile(scratch.path + "/letters.jsonl", lines);
  WriteFile(scratch.path + "/judge.py", "import json, sys\nprint('judge is here', file=sys.stderr)\nlog = open(sys.argv[1], 'a')\n"
                                        "for line in sys.stdin:\n    a = json.loads(line)\n    log.write(line); log.flush()\n" + judge);
  c.data.dataset = scratch.path + "/letters.jsonl";
  c.reward.plus.clear();
  c.reward.verifier.command = {"python3", scratch.path + "/judge.py", scratch.path + "/sent.jsonl"};
  c.reward.verifier.kinds = {"letters"};
  c.rl.kl_beta = 0;
  c.rl.prompts_per_step = 5;
  c.rl.steps = 3;
  return c;
}

constexpr const char* kLetters =
    "    n = a['response'].count(a['payload']['letter'])\n"
    "    print(json.dumps({'id': a['id'], 'score': min(1, n / 4), 'reason': f'{n} of them', 'extracted': str(n)}), flush=True)\n";

TEST(VerifierRun, ATinyRunIsPaidByACommand) {
  const Scratch scratch;
  const TrainConfig c = Judged(scratch, "judged", kLetters);
  Execute(c);
  const auto metrics = MetricsOf(c.run.folder);
  ASSERT_EQ(metrics.size(), 3u);
  double learned = 0;
  for (const auto& m : metrics) {
    learned += m["grad_norm"].get<double>();
    EXPECT_NEAR(m["reward"].get<double>(), m["reward/outcome"].get<double>() + m["reward/shaping"].get<double>(), 1e-12);
    EXPECT_FALSE(m.contains("verifier/errors"));
  }
  EXPECT_GT(learned, 0);
  EXPECT_NE(ReadFile(c.run.folder + "/verifier.log").find("judge is here"), std::string::npos);
  std::istringstream sent(ReadFile(scratch.path + "/sent.jsonl"));
  std::set<int> numbers;
  for (std::string line; std::getline(sent, line);) {
    const auto a = nlohmann::json::parse(line);
    EXPECT_EQ(a["kind"], "letters") << "mathematics stays here";
    EXPECT_GT(a["tokens"].get<int>(), 0);
    EXPECT_EQ(a["truncated"].get<bool>(), a["ended_by"] == "whole");
    numbers.insert(a["payload"]["n"].get<int>());
  }
  EXPECT_EQ(numbers.size(), 4u);
  std::istringstream completions(ReadFile(c.run.folder + "/completions/step-1.jsonl"));
  int with_reason = 0;
  for (std::string line; std::getline(completions, line);) {
    const auto a = nlohmann::json::parse(line);
    if (a["gold"] != "") continue;
    const auto n = std::count(a["completion"].get_ref<const std::string&>().begin(), a["completion"].get_ref<const std::string&>().end(), 'e');
    EXPECT_EQ(a["outcome"].get<double>(), std::min(1.0, static_cast<double>(n) / 4)) << line;
    EXPECT_EQ(a["reason"], Str(n, " of them"));
    EXPECT_EQ(a["verdict"], n >= 4 ? "correct" : "wrong");
    ++with_reason;
  }
  EXPECT_EQ(with_reason, 32);
}

TEST(VerifierRun, EndsWhereTheJudgeFailsTooOftenOrAKindIsUnknown) {
  const Scratch scratch;
  TrainConfig c = Judged(scratch, "failing", "    sys.exit(7)\n");
  EXPECT_NE(Refusal([&] { Execute(c); }).find("exit status 7"), std::string::npos);
  c.reward.verifier = VerifierSettings();
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("problem letters.jsonl-"), std::string::npos);
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("there is no verifier of its kind 'letters'; there are math"), std::string::npos);
}

// What a judge is given while the rest is sampled is what the step is paid for.
TEST(VerifierRun, CompletionsAreHeardOfAsTheyEnd) {
  const Scratch scratch;
  const Session session = OpenSession(Judged(scratch, "heard", kLetters));
  Sampler sampler(session);
  std::vector<std::multiset<std::vector<int32_t>>> heard(3), returned(3);
  GenerateStats stats;
  const std::vector<size_t> problems = {4, 0, 2};
  const auto groups = sampler.Sample(session.initial, problems, 0, &stats, 0, [&](size_t i, const Completion& c) {
    EXPECT_NE(c.finish, Finish::kCancelled);
    EXPECT_FALSE(c.tokens.empty());
    heard.at(i).insert(c.tokens);
  });
  for (size_t i = 0; i < 3; ++i) {
    for (const Completion& c : groups[i]) returned[i].insert(c.tokens);
  }
  EXPECT_EQ(heard, returned);
}

// What a judge fails on is no part of its group.
TEST(VerifierRun, NothingIsLearnedFromAnError) {
  const Scratch scratch;
  TrainConfig c = Judged(scratch, "errors",
                         "    if a['response'] == 'c': a['id'] = 99\n"
                         "    print(json.dumps({'id': a['id'], 'score': {'a': 1, 'b': 0}.get(a['response'], 0)}), flush=True)\n");
  c.data.shuffle = false;
  c.rl.group_size = 4;
  c.rl.scale_rewards = "none";
  c.reward.verifier.max_error_share = 0.9;
  const Session session = OpenSession(c);
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const auto says = [&](const std::string& text) {
    Completion completion;
    completion.tokens = tokenizer.Encode(text);
    completion.tokens.push_back(EndOfTurn(tokenizer));
    completion.logprobs.assign(completion.tokens.size(), -1.0f);
    completion.finish = Finish::kStop;
    return completion;
  };
  MakeFolders(c.run.folder);
  const std::vector<size_t> problems = {0, 1};
  const Groups groups = {{says("a"), says("b"), says("c"), says("b")}, {says("c"), says("a"), says("a"), says("a")}};
  const RewardFunction reward(c.reward, Budget());
  const Paid paid = Pay(session, reward, problems, groups);
  ASSERT_TRUE(paid.results[2].failed);
  EXPECT_NE(paid.results[2].judged.strict.reason.find("answered id 99"), std::string::npos) << paid.results[2].judged.strict.reason;
  const std::vector<double> wanted = {2.0 / 3, -1.0 / 3, 0, -1.0 / 3, 0, 0, 0, 0};
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(paid.advantages[i], wanted[i], 1e-12) << i;
  const auto outcomes = Outcomes(groups, paid);
  EXPECT_EQ(outcomes[0].right, (std::vector<uint8_t>{1, 0, 0}));
  EXPECT_EQ(outcomes[1].right, (std::vector<uint8_t>{1, 1, 1}));
  const Metrics m = RewardMetrics(c, reward, groups, paid);
  EXPECT_NEAR(*FindMetric(m, "accuracy"), 4.0 / 6, 1e-12);
  EXPECT_NEAR(*FindMetric(m, "verifier/errors"), 2.0 / 8, 1e-12);
  EXPECT_NEAR(*FindMetric(m, "frac_reward_zero_std"), 0.5, 1e-12);
  std::vector<EncodedPrompt> encoded(2);
  const PolicyBatch batch = MakeBatches(c, 0, groups, paid, StepSequences(session, problems, groups, encoded)).at(0);
  EXPECT_EQ(batch.samples, (std::vector<size_t>{0, 1, 3}));
  EXPECT_EQ(batch.whole.rollout_tokens, 6 * static_cast<double>(groups[0][0].tokens.size())) << "an error has no tokens in the denominator";
}

// Whatever the terms: where no answer is right, no length is paid, unless a term says always.
TEST(WrongAnswers, GetNoGradientFromLength) {
  Rng random(5);
  const auto draw = [&](int64_t n) { return random.Int(0, n - 1); };
  int with_terms = 0;
  for (int round = 0; round < 400; ++round) {
    RewardSettings settings;
    settings.reading = draw(2) ? "strict" : "lenient";
    Budget budget;
    budget.tokens = 20 + draw(60);
    const auto add = [&](bool times, const RewardKind& kind) {
      RewardTerm term = DefaultRewardTerm(kind.name);
      term.always = false;
      if (!times) term.weight = 0.1 + 2 * random.Uniform();
      if (term.kind == "free_then_falling") term.free_tokens = draw(30), term.fall_tokens = 1 + draw(60);
      if (term.kind == "soft_overlong") term.max_tokens = 60, term.cache_tokens = draw(60);
      (times ? settings.times : settings.plus).push_back(term);
      ++with_terms;
    };
    for (const RewardKind& kind : RewardKinds()) {
      if (kind.times && draw(3) == 0) add(true, kind);
      if (kind.plus && draw(3) == 0) add(false, kind);
    }
    const RewardFunction reward(settings, budget, 100);
    RewardState state;
    state.length_weight = 2 * random.Uniform();
    const int64_t k = 2 + draw(6), groups = 1 + draw(3);
    std::vector<double> rewards;
    bool some_right = false;
    for (int64_t g = 0; g < groups; ++g) {
      std::vector<RewardInput> inputs;
      std::vector<Judgements> judged;
      const double score = draw(2) ? 0.0 : 0.5;  // a judge may pay wrong answers something
      for (int64_t i = 0; i < k; ++i) {
        const bool right = g > 0 && draw(2);  // the first group is wrong throughout
        some_right |= right;
        inputs.push_back({"4", right ? "#### 4" : "#### 5", 1 + draw(100), draw(4) == 0, budget.tokens});
        const Judgement j = {right ? Verdict::kCorrect : Verdict::kWrong, right ? 1 : score, "", ""};
        judged.push_back({j, j});
      }
      for (const RewardResult& r : reward(inputs, judged, state)) {
        rewards.push_back(r.reward);
        if (!r.right) EXPECT_EQ(r.shaping, 0.0);
        EXPECT_NEAR(r.reward, r.outcome + r.shaping, 1e-12);
      }
    }
    for (const char* estimator : {"group", "rloo", "reinforce_pp_baseline"}) {
      for (const char* scale : {"none", "batch"}) {
        const std::vector<double> advantages = Advantages(estimator, scale, rewards, k);
        for (int64_t i = 0; i < k; ++i) EXPECT_EQ(advantages[static_cast<size_t>(i)], 0.0) << estimator << " " << scale << " round " << round;
      }
    }
    const std::vector<double> across = Advantages("reinforce_pp", "batch", rewards, k);  // compares groups, so not 0, but alike
    for (int64_t i = 1; i < k; ++i) EXPECT_EQ(across[static_cast<size_t>(i)], across[0]);
  }
  EXPECT_GT(with_terms, 1000);
}

// Dynamic sampling learns from mixed groups; the controller, accuracy and the alarms hear of all.
TEST(VerifierRun, WhatDynamicSamplingLeavesOutIsSeen) {
  const Scratch scratch;
  TrainConfig c = Judged(scratch, "dynamic",
                         "    n = a['payload']['n']\n"  // problems 0 and 1 are hopeless, 2 is solved, 3 is mixed
                         "    right = n == 2 or n == 3 and len(a['response']) % 2 == 0\n"
                         "    print(json.dumps({'id': a['id'], 'correct': right}), flush=True)\n");
  c.data.limit = 4;
  c.data.shuffle = false;
  c.rl.dynamic_sampling = true;
  c.rl.max_resample_rounds = 1;
  c.rl.prompts_per_step = 4;
  c.rl.steps = 2;
  RewardTerm length;
  length.kind = "free_then_falling";
  length.free_tokens = 10, length.fall_tokens = 50;
  c.reward.times = {length};
  c.controller.accuracy_floor = 0.9;
  c.controller.gain = 0.1;
  Execute(c);
  for (const auto& m : MetricsOf(c.run.folder)) {
    EXPECT_EQ(m["dynamic_sampling/kept"], 1.0) << m.dump();
    EXPECT_NEAR(m["accuracy"].get<double>(), m["dynamic_sampling/accuracy"].get<double>(), 1e-12);
    EXPECT_GE(m["accuracy"].get<double>(), 0.25) << "the solved group counts";
    EXPECT_LT(m["accuracy"].get<double>(), 0.5) << "so do the hopeless ones";
    EXPECT_GE(m["frac_reward_zero_std"].get<double>(), 0.5) << "what gave no signal is told to the alarm";
    EXPECT_LT(m["controller/mean"].get<double>(), 0.5);
  }
}

}  // namespace
}  // namespace pith
