#include "train/grpo_batch.h"

#include "rewards/measures.h"
#include "train/loss.h"

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
      std::span<const int32_t> answer = c.tokens;
      if (!answer.empty() && tokenizer.IsEnd(answer.back())) answer = answer.first(answer.size() - 1);
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
  paid.advantages = Advantages(rewards, session.config.rl.group_size, session.config.rl.scale_rewards);
  return paid;
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

GrpoBatch MakeBatch(const Session& session, std::span<const size_t> problems, const Groups& groups, const Paid& paid,
                    const std::vector<EncodedPrompt>& encoded) {
  const RlSettings& rl = session.config.rl;
  GrpoBatch batch;
  size_t sample = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) {
      const double advantage = paid.advantages[sample++];
      if (c.tokens.empty() || (rl.mask_truncated && c.finish == Finish::kLength)) continue;
      batch.loss_tokens += static_cast<int64_t>(c.tokens.size());
      if (advantage == 0.0 && rl.kl_beta == 0.0) continue;
      batch.sequences.push_back(MakeSequence(encoded[g], session.problems[problems[g]].prompt, c.tokens));
      batch.advantages.push_back(advantage);
      batch.sampler_logp.insert(batch.sampler_logp.end(), c.logprobs.begin(), c.logprobs.end());
    }
  }
  return batch;
}

}  // namespace pith
