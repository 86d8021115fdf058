#include "train/grpo_batch.h"

#include "train/loss.h"

namespace pith {

Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  Paid paid;
  std::vector<double> rewards;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) {
      std::span<const int32_t> answer = c.tokens;
      if (!answer.empty() && tokenizer.IsEnd(answer.back())) answer = answer.first(answer.size() - 1);
      paid.texts.push_back(tokenizer.Decode(answer));
      RewardInput input;
      input.gold = session.problems[problems[g]].problem.answer;
      input.response = paid.texts.back();
      input.length_tokens = static_cast<int64_t>(c.tokens.size());
      paid.results.push_back(reward(input));
      rewards.push_back(paid.results.back().reward);
    }
  }
  paid.advantages = Advantages(rewards, session.config.rl.group_size, session.config.rl.scale_rewards);
  return paid;
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
