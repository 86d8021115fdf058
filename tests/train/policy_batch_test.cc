// Pay, advantages, what the loss is divided by, and the metrics of a step worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/tiny_run.h"
#include "train/rl/rl_metrics.h"

namespace pith {
namespace {

using testing::Scratch;
using testing::TinyConfig;

// Two problems of three samples. Rewards 1 0 0 (the second truncated) and 0 0 0 (a flat group, two truncated).
class Step : public ::testing::Test {
 protected:
  Step() : session_(OpenSession(Config())), reward_(session_.config.reward, Budget()) {
    const Tokenizer& tokenizer = session_.prompter->tokenizer();
    std::vector<int32_t> right = tokenizer.Encode("#### " + session_.problems[3].problem.answer);
    right.push_back(EndOfTurn(tokenizer));
    n_ = static_cast<int64_t>(right.size());
    groups_ = {{Sample(right, true), Wrong(7, false), Wrong(4, true)}, {Wrong(3, true), Wrong(5, false), Wrong(6, false)}};
    encoded_.resize(2);
  }
  TrainConfig Config() const {
    TrainConfig c = TinyConfig(scratch_, "rl", "step");
    c.rl.group_size = 3;
    c.rl.kl_beta = 0;
    c.reward = RewardSettings();
    return c;
  }
  static Completion Sample(const std::vector<int32_t>& tokens, bool ended) {
    static float next = 0;
    Completion c;
    c.tokens = tokens;
    for (size_t i = 0; i < tokens.size(); ++i) c.logprobs.push_back(next -= 0.25f);
    c.finish = ended ? Finish::kStop : Finish::kLength;
    return c;
  }
  Completion Wrong(int64_t tokens, bool ended) const {
    const Tokenizer& tokenizer = session_.prompter->tokenizer();
    std::vector<int32_t> ids(static_cast<size_t>(tokens), tokenizer.Encode("a").at(0));
    if (ended) ids.back() = EndOfTurn(tokenizer);
    return Sample(ids, ended);
  }
  PolicyBatch Batch() {
    return MakeBatches(session_.config, 0, groups_, Paid(), StepSequences(session_, problems_, groups_, encoded_)).at(0);
  }
  pith::Paid Paid() { return Pay(session_, reward_, problems_, groups_); }
  static std::vector<float> LogProbs(const std::vector<Completion>& samples) {
    std::vector<float> all;
    for (const Completion& c : samples) all.insert(all.end(), c.logprobs.begin(), c.logprobs.end());
    return all;
  }

  Scratch scratch_;
  Session session_;
  RewardFunction reward_;
  const std::vector<size_t> problems_ = {3, 0};
  Groups groups_;
  std::vector<EncodedPrompt> encoded_;
  int64_t n_ = 0;  // tokens of the right answer
};

TEST_F(Step, PaysAndComparesWithinTheGroup) {
  const pith::Paid paid = Paid();
  ASSERT_EQ(paid.results.size(), 6u);
  EXPECT_EQ(paid.texts[0], "#### " + session_.problems[3].problem.answer) << "without the end of turn";
  EXPECT_EQ(paid.texts[2], "aaa");
  EXPECT_EQ(paid.texts[4], "aaaaa") << "a truncated one has no end to take off";
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(paid.results[i].reward, i == 0 ? 1.0 : 0.0) << i;
  // All rewards: mean 1/6, Σ(r − mean)² = 25/36 + 5/36, deviation sqrt(30/36/5) = 0.4082483. The first group's mean is 1/3.
  const double divisor = 0.40824829046 + 1e-4;
  EXPECT_NEAR(paid.advantages[0], 2.0 / 3.0 / divisor, 1e-9);
  EXPECT_NEAR(paid.advantages[1], -1.0 / 3.0 / divisor, 1e-9);
  EXPECT_NEAR(paid.advantages[2], -1.0 / 3.0 / divisor, 1e-9);
  for (size_t i = 3; i < 6; ++i) EXPECT_EQ(paid.advantages[i], 0.0);
}

TEST_F(Step, PaysByTheLengthWithTheEndOfTurn) {
  RewardSettings settings;
  RewardTerm term;
  term.kind = "free_then_falling";
  term.free_tokens = n_ - 1;
  term.fall_tokens = 10;
  settings.times = {term};
  reward_ = RewardFunction(settings, Budget());
  EXPECT_DOUBLE_EQ(Paid().results[0].reward, 0.9) << "one token beyond the free ones";
}

TEST_F(Step, DividesByAllTokensButLearnsFromGroupsWithASignal) {
  const PolicyBatch batch = Batch();
  EXPECT_EQ(batch.whole.sequences, 6);
  EXPECT_EQ(batch.samples, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(batch.whole.minibatch_tokens, batch.whole.rollout_tokens);
  EXPECT_EQ(batch.whole.rollout_tokens, n_ + 7 + 4 + 3 + 5 + 6) << "a flat group counts in the denominator";
  ASSERT_EQ(batch.sequences.size(), 3u);
  EXPECT_EQ(batch.sampler_logp, LogProbs(groups_[0]));
  const Prompt& prompt = session_.problems[3].prompt;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(batch.sequences[i].response_length(), static_cast<int64_t>(groups_[0][i].tokens.size()));
    std::vector<int32_t> ids(prompt.ids.begin() + prompt.invocation_start, prompt.ids.end());
    ids.insert(ids.end(), groups_[0][i].tokens.begin(), groups_[0][i].tokens.end());
    EXPECT_EQ(batch.sequences[i].ids, ids);
  }
  std::vector<float> advantages;
  for (size_t i = 0; i < 3; ++i) advantages.insert(advantages.end(), groups_[0][i].tokens.size(), static_cast<float>(Paid().advantages[i]));
  EXPECT_EQ(batch.advantages, advantages) << "each token has its completion's";
}

TEST_F(Step, LeavesMaskedTruncatedSamplesOutOfLossAndDenominator) {
  session_.config.rl.mask_truncated = true;
  const PolicyBatch batch = Batch();
  EXPECT_EQ(batch.whole.sequences, 6) << "masked ones are completions all the same";
  EXPECT_EQ(batch.unmasked, 3);
  EXPECT_EQ(batch.whole.rollout_tokens, n_ + 4 + 3);
  EXPECT_EQ(batch.advantages.front(), static_cast<float>(Paid().advantages[0]));
  EXPECT_EQ(batch.advantages.back(), static_cast<float>(Paid().advantages[2]));
  EXPECT_EQ(batch.sampler_logp, LogProbs({groups_[0][0], groups_[0][2]}));
}

TEST_F(Step, KeepsFlatGroupsWhereAKlTermMovesThem) {
  session_.config.rl.kl_beta = 0.1;
  session_.config.rl.kl_in = "reward";
  EXPECT_EQ(Batch().sequences.size(), 3u) << "off the reward, it moves advantages alone";
  session_.config.rl.kl_in = "loss";
  const PolicyBatch batch = Batch();
  EXPECT_EQ(batch.sequences.size(), 6u);
  EXPECT_EQ(batch.advantages.back(), 0.0f);
  EXPECT_EQ(batch.whole.rollout_tokens, n_ + 25);
  EXPECT_EQ(batch.sequences[4].ids[static_cast<size_t>(batch.sequences[4].targets.front()) - 1], session_.problems[0].prompt.ids.back());
}

// Rewards 1 0 0 | 0 0 0, a KL of 0.1 per token: A_t = R − 0.5 · 0.1 · (tokens from t on), over all tokens.
TEST_F(Step, TakesTheKlOffTokenByToken) {
  RlSettings rl = session_.config.rl;
  rl.advantage = "reinforce_pp";
  rl.kl_beta = 0.5;
  pith::Paid paid = Paid();
  paid.results[4].failed = true;
  std::vector<std::vector<double>> kl;
  for (const auto& group : groups_) {
    for (const Completion& c : group) kl.emplace_back(c.tokens.size(), 0.1);
  }
  TakeOffKl(rl, kl, &paid);
  std::vector<double> all;
  for (size_t i = 0; i < 6; ++i) {
    for (size_t t = 0; i != 4 && t < kl[i].size(); ++t) all.push_back((i == 0 ? 1.0 : 0.0) - 0.05 * static_cast<double>(kl[i].size() - t));
  }
  double mean = 0, squares = 0;
  for (const double a : all) mean += a / static_cast<double>(all.size());
  for (const double a : all) squares += (a - mean) * (a - mean);
  const double divisor = std::sqrt(squares / static_cast<double>(all.size() - 1)) + 1e-4;
  size_t next = 0;
  for (size_t i = 0; i < 6; ++i) {
    double sum = 0;
    for (size_t t = 0; t < kl[i].size(); ++t) {
      EXPECT_NEAR(paid.token_advantages[i][t], i == 4 ? 0.0 : (all[next] - mean) / divisor, 1e-12) << i << " " << t;
      sum += paid.token_advantages[i][t];
      next += i != 4;
    }
    EXPECT_NEAR(paid.advantages[i], sum / static_cast<double>(kl[i].size()), 1e-12);
  }
  EXPECT_GT(paid.token_advantages[0].back(), paid.token_advantages[0].front()) << "the first token pays for all that follows";
  const PolicyBatch batch = MakeBatches(session_.config, 0, groups_, paid, StepSequences(session_, problems_, groups_, encoded_)).at(0);
  EXPECT_EQ(batch.samples, (std::vector<size_t>{0, 1, 2, 3, 5}));
  EXPECT_EQ(batch.advantages[1], static_cast<float>(paid.token_advantages[0][1]));
}

TEST_F(Step, IsMeasuredByHand) {
  const auto get = [](const Metrics& metrics, const std::string& name) {
    for (const auto& [key, value] : metrics) {
      if (key == name) return value;
    }
    ADD_FAILURE() << "no metric " << name;
    return std::nan("");
  };
  const double n = static_cast<double>(n_);
  Metrics m = RewardMetrics(session_.config, reward_, groups_, Paid());
  EXPECT_NEAR(get(m, "reward"), 1.0 / 6, 1e-12);
  EXPECT_NEAR(get(m, "reward_std"), 0.40824829046, 1e-9);
  EXPECT_NEAR(get(m, "frac_reward_zero_std"), 0.5, 1e-12);
  EXPECT_NEAR(get(m, "accuracy"), 1.0 / 6, 1e-12);
  EXPECT_NEAR(get(m, "accuracy_lenient"), 1.0 / 6, 1e-12);
  EXPECT_NEAR(get(m, "completions/mean_length"), (n + 25) / 6, 1e-12);
  EXPECT_EQ(get(m, "completions/min_length"), std::min(3.0, n));
  EXPECT_EQ(get(m, "completions/max_length"), std::max(7.0, n));
  EXPECT_NEAR(get(m, "completions/clipped_ratio"), 0.5, 1e-12);
  EXPECT_NEAR(get(m, "completions/mean_terminated_length"), (n + 4 + 3) / 3, 1e-12);
  EXPECT_EQ(get(m, "completions/min_terminated_length"), std::min(3.0, n));
  EXPECT_EQ(get(m, "completions/max_terminated_length"), std::max(4.0, n));
  // A term's mean is over all samples, paid or not.
  RewardSettings settings;
  RewardTerm format;
  format.kind = "format";
  settings.plus = {format};
  reward_ = RewardFunction(settings, Budget());
  m = RewardMetrics(session_.config, reward_, groups_, Paid());
  EXPECT_NEAR(get(m, "rewards/format/mean"), 1.0 / 6, 1e-12);
  EXPECT_NEAR(get(m, "rewards/format/std"), 0.40824829046, 1e-9);
  EXPECT_NEAR(get(m, "reward"), 2.0 / 6, 1e-12);
}

TEST_F(Step, IsWrittenDownCompletionByCompletion) {
  const auto lines = CompletionLines(session_, 5, problems_, groups_, Paid());
  ASSERT_EQ(lines.size(), 6u);
  const auto first = nlohmann::json::parse(lines[0]), last = nlohmann::json::parse(lines[5]);
  EXPECT_EQ(first["step"], 5);
  EXPECT_EQ(first["question"], session_.problems[3].problem.question);
  EXPECT_EQ(first["reward"], 1.0);
  EXPECT_EQ(first["tokens"], n_);
  EXPECT_EQ(last["question"], session_.problems[0].problem.question);
  EXPECT_EQ(last["finish"], "length");
  EXPECT_EQ(last["completion"], "aaaaaa");
}

TEST(StepLine, ShowsADashForWhatWasNotMeasured) {
  Metrics metrics = {{"reward", 0.5}, {"accuracy", 0.25}, {"completions/mean_length", 12.5}, {"completions/clipped_ratio", 0.125},
                     {"tokens_per_second", 99.6}, {"time/rollout", 1.25}, {"step_time", 3.25}};
  EXPECT_EQ(StepLine(3, 30, metrics),
            "step 3/30  reward 0.500  accuracy 25 %  tokens 12.5  truncated 12 %  grad –  gap –  100 tok/s (3.2 s, sampling 1.2 s)");
  metrics.emplace_back("sampling/sampling_logp_difference/mean", 0.00125);
  EXPECT_NE(StepLine(3, 30, metrics).find("gap 0.0013"), std::string::npos) << StepLine(3, 30, metrics);
}

}  // namespace
}  // namespace pith
