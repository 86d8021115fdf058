#include "train/rl/grpo_batch.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "rewards/measures.h"
#include "train/policy/advantages.h"

namespace pith {

Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups,
         const RewardState& state) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  Paid paid;
  std::vector<double> rewards;
  for (size_t g = 0; g < groups.size(); ++g) {
    const PreparedProblem& problem = session.problems[problems[g]];
    const size_t first = paid.texts.size();
    for (const Completion& c : groups[g]) {
      const std::span<const int32_t> answer = tokenizer.WithoutEnd(c.tokens);
      paid.texts.push_back(tokenizer.Decode(answer));
      const auto decoded_bytes = [&](int64_t k) {
        return static_cast<int64_t>(tokenizer.Decode(answer.first(static_cast<size_t>(k))).size());
      };
      paid.measures.push_back({Repetition(answer), TokensAfter(CloseEnd(paid.texts.back()), static_cast<int64_t>(answer.size()), decoded_bytes)});
      paid.budgets.push_back(problem.budget_tokens);
    }
    std::vector<RewardInput> group;
    for (size_t i = 0; i < groups[g].size(); ++i) {
      const Completion& c = groups[g][i];
      group.push_back({problem.problem.answer, paid.texts[first + i], static_cast<int64_t>(c.tokens.size()),
                       c.finish == Finish::kLength, problem.budget_tokens});
    }
    for (RewardResult& result : reward(group, state)) {
      rewards.push_back(result.reward);
      paid.results.push_back(std::move(result));
    }
  }
  const RlSettings& rl = session.config.rl;
  paid.advantages = Advantages(rl.advantage, rl.scale_rewards, rewards, rl.group_size);
  return paid;
}

void TakeOffKl(const RlSettings& rl, std::span<const double> kl, Paid* paid) {
  PITH_CHECK_EQ(kl.size(), paid->results.size());
  std::vector<double> rewards;
  for (size_t i = 0; i < kl.size(); ++i) rewards.push_back(paid->results[i].reward - rl.kl_beta * kl[i]);
  paid->advantages = Advantages(rl.advantage, rl.scale_rewards, rewards, rl.group_size);
}

std::vector<GroupOutcome> Outcomes(const Groups& groups, const Paid& paid) {
  std::vector<GroupOutcome> outcomes;
  size_t sample = 0;
  for (const auto& group : groups) {
    GroupOutcome outcome;
    for (const Completion& c : group) {
      outcome.lengths.push_back(static_cast<int64_t>(c.tokens.size()));
      outcome.right.push_back(paid.results[sample++].correct > 0);
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

std::vector<TrainSequence> StepSequences(const Session& session, std::span<const size_t> problems, const Groups& groups,
                                         const std::vector<EncodedPrompt>& encoded) {
  std::vector<TrainSequence> sequences;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) {
      sequences.push_back(MakeSequence(encoded[g], session.problems[problems[g]].prompt, c.tokens));
    }
  }
  return sequences;
}

std::vector<int64_t> GrpoBatch::lengths() const {
  std::vector<int64_t> out;
  for (const TrainSequence& s : sequences) out.push_back(s.response_length());
  return out;
}

std::vector<GrpoBatch> MakeBatches(const TrainConfig& config, int64_t step, const Groups& groups, const Paid& paid,
                                   const std::vector<TrainSequence>& sequences) {
  const RlSettings& rl = config.rl;
  const bool all_move = (rl.kl_beta != 0 && rl.kl_in == "loss") || rl.entropy_coef != 0 || rl.top_entropy_quantile < 1;
  std::vector<const Completion*> completions;
  for (const auto& group : groups) {
    for (const Completion& c : group) completions.push_back(&c);
  }
  PITH_CHECK_EQ(completions.size(), sequences.size());
  std::vector<size_t> order(completions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto parts = static_cast<size_t>(rl.minibatches);
  if (parts > 1) Rng(config.run.seed, {0x6d696e69, static_cast<uint64_t>(step)}).Shuffle(order);
  std::vector<GrpoBatch> batches(parts);
  double rollout_tokens = 0;
  for (size_t p = 0; p < parts; ++p) {
    GrpoBatch& batch = batches[p];
    const auto begin = order.begin() + static_cast<int64_t>(p * order.size() / parts);
    const auto end = order.begin() + static_cast<int64_t>((p + 1) * order.size() / parts);
    std::sort(begin, end);
    batch.whole.sequences = static_cast<double>(end - begin);
    for (auto i = begin; i != end; ++i) {
      const Completion& c = *completions[*i];
      if (c.tokens.empty() || (rl.mask_truncated && c.finish == Finish::kLength)) continue;
      ++batch.unmasked;
      batch.whole.minibatch_tokens += static_cast<double>(c.tokens.size());
      if (paid.advantages[*i] == 0.0 && !all_move) continue;
      batch.sequences.push_back(sequences[*i]);
      batch.samples.push_back(*i);
      batch.advantages.push_back(paid.advantages[*i]);
      batch.sampler_logp.insert(batch.sampler_logp.end(), c.logprobs.begin(), c.logprobs.end());
    }
    batch.whole.kept_tokens = batch.whole.minibatch_tokens;
    rollout_tokens += batch.whole.minibatch_tokens;
  }
  for (GrpoBatch& batch : batches) batch.whole.rollout_tokens = rollout_tokens;
  return batches;
}

}  // namespace pith
