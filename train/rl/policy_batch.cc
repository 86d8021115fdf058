#include "train/rl/policy_batch.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "rewards/measures.h"
#include "runtime/evaluation/attempt.h"
#include "train/policy/advantages.h"

namespace pith {

namespace {

// One that its verifier failed on is no part of its group: it gets the others' mean, which moves none of them, and nothing of its own.
void SetAdvantages(const RlSettings& rl, std::vector<double> rewards, Paid* paid) {
  const auto k = static_cast<size_t>(rl.group_size);
  const std::vector<RewardResult>& results = paid->results;
  for (size_t first = 0; first + k <= results.size(); first += k) {
    double sum = 0, n = 0;
    for (size_t i = first; i < first + k; ++i) {
      if (results[i].failed) continue;
      sum += rewards[i];
      ++n;
    }
    for (size_t i = first; i < first + k; ++i) {
      if (results[i].failed) rewards[i] = n > 0 ? sum / n : 0;
    }
  }
  paid->advantages = Advantages(rl.advantage, rl.scale_rewards, rewards, rl.group_size);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].failed) paid->advantages[i] = 0;
  }
}

std::vector<double> RewardsOf(const Paid& paid) {
  std::vector<double> rewards;
  for (const RewardResult& result : paid.results) rewards.push_back(result.reward);
  return rewards;
}

}  // namespace

Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups,
         const RewardState& state) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  Paid paid;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) {
      const std::span<const int32_t> answer = tokenizer.WithoutEnd(c.said());
      paid.texts.push_back(JudgedText(tokenizer, c));
      const auto decoded_bytes = [&](int64_t k) {
        return static_cast<int64_t>(JudgedText(tokenizer, c.prompt_opens_thoughts, answer.first(static_cast<size_t>(k))).size());
      };
      paid.measures.push_back({Repetition(answer), TokensAfter(CloseEnd(paid.texts.back()), static_cast<int64_t>(answer.size()), decoded_bytes)});
      paid.budgets.push_back(session.problems[problems[g]].budget_tokens);
    }
  }
  std::vector<Attempt> attempts;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) attempts.push_back(MakeAttempt(session.problems[problems[g]].problem, paid.texts[attempts.size()], c));
  }
  const std::vector<Judgements> judged = session.verifiers->JudgeBoth(attempts);
  size_t first = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const PreparedProblem& problem = session.problems[problems[g]];
    std::vector<RewardInput> group;
    for (const Completion& c : groups[g]) {
      group.push_back({problem.problem.answer, paid.texts[first + group.size()], static_cast<int64_t>(c.tokens.size()),
                       c.finish == Finish::kLength, problem.budget_tokens, c.tokens});
    }
    for (RewardResult& result : reward(group, std::span(judged).subspan(first, group.size()), state)) paid.results.push_back(std::move(result));
    first += group.size();
  }
  SetAdvantages(session.config.rl, RewardsOf(paid), &paid);
  return paid;
}

void Append(Paid more, Paid* paid) {
  const auto append = [](auto& from, auto& to) { std::move(from.begin(), from.end(), std::back_inserter(to)); };
  append(more.results, paid->results);
  append(more.texts, paid->texts);
  append(more.advantages, paid->advantages);
  append(more.measures, paid->measures);
  append(more.budgets, paid->budgets);
}

Paid ChoosePaid(const RlSettings& rl, const Groups& groups, std::span<const size_t> chosen, const Paid& paid) {
  std::vector<size_t> begins = {0};
  for (const auto& group : groups) begins.push_back(begins.back() + group.size());
  Paid out;
  for (size_t g : chosen) {
    for (size_t i = begins[g]; i < begins[g + 1]; ++i) {
      out.results.push_back(paid.results[i]);
      out.texts.push_back(paid.texts[i]);
      out.measures.push_back(paid.measures[i]);
      out.budgets.push_back(paid.budgets[i]);
    }
  }
  SetAdvantages(rl, RewardsOf(out), &out);
  return out;
}

void TakeOffKl(const RlSettings& rl, const std::vector<std::vector<double>>& kl, Paid* paid) {
  PITH_CHECK_EQ(kl.size(), paid->results.size());
  if (rl.advantage != "reinforce_pp") {
    std::vector<double> rewards;
    for (size_t i = 0; i < kl.size(); ++i) rewards.push_back(paid->results[i].reward - rl.kl_beta * std::accumulate(kl[i].begin(), kl[i].end(), 0.0));
    return SetAdvantages(rl, std::move(rewards), paid);
  }
  std::vector<std::vector<double>> known = kl;  // what a verifier failed on has no part in the statistics
  for (size_t i = 0; i < kl.size(); ++i) {
    if (paid->results[i].failed) known[i].clear();
  }
  paid->token_advantages = TokenAdvantages(RewardsOf(*paid), rl.kl_beta, known);
  for (size_t i = 0; i < kl.size(); ++i) {
    std::vector<double>& tokens = paid->token_advantages[i];
    tokens.resize(kl[i].size(), 0.0);
    paid->advantages[i] = std::accumulate(tokens.begin(), tokens.end(), 0.0) / static_cast<double>(std::max<size_t>(tokens.size(), 1));
  }
}

std::vector<GroupOutcome> Outcomes(const Groups& groups, const Paid& paid) {
  std::vector<GroupOutcome> outcomes;
  size_t sample = 0;
  for (const auto& group : groups) {
    GroupOutcome outcome;
    for (const Completion& c : group) {
      const RewardResult& result = paid.results[sample++];
      if (result.failed) continue;
      outcome.lengths.push_back(static_cast<int64_t>(c.tokens.size()));
      outcome.right.push_back(result.right);
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
      sequences.push_back(MakeSequence(encoded[g], session.problems[problems[g]].prompt, c.tokens, c.Drawn()));
    }
  }
  return sequences;
}

std::vector<int64_t> PolicyBatch::lengths() const {
  std::vector<int64_t> out;
  for (const TrainSequence& s : sequences) out.push_back(s.response_length());
  return out;
}

std::vector<PolicyBatch> MakeBatches(const TrainConfig& config, int64_t step, const Groups& groups, const Paid& paid,
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
  std::vector<PolicyBatch> batches(parts);
  double rollout_tokens = 0;
  for (size_t p = 0; p < parts; ++p) {
    PolicyBatch& batch = batches[p];
    const auto begin = order.begin() + static_cast<int64_t>(p * order.size() / parts);
    const auto end = order.begin() + static_cast<int64_t>((p + 1) * order.size() / parts);
    std::sort(begin, end);
    batch.whole.sequences = static_cast<double>(end - begin);
    for (auto i = begin; i != end; ++i) {
      const Completion& c = *completions[*i];
      if (sequences[*i].targets.empty() || (rl.mask_truncated && c.finish == Finish::kLength) || paid.results[*i].failed) continue;
      ++batch.unmasked;
      batch.whole.minibatch_tokens += static_cast<double>(sequences[*i].response_length());
      std::vector<double> advantages(sequences[*i].targets.size(), paid.advantages[*i]);
      if (!paid.token_advantages.empty()) advantages = paid.token_advantages[*i];
      PITH_CHECK_EQ(advantages.size(), sequences[*i].targets.size());
      if (!all_move && std::all_of(advantages.begin(), advantages.end(), [](double a) { return a == 0.0; })) continue;
      batch.sequences.push_back(sequences[*i]);
      batch.samples.push_back(*i);
      batch.advantages.insert(batch.advantages.end(), advantages.begin(), advantages.end());
      const std::vector<float> sampled = c.DrawnLogprobs();
      batch.sampler_logp.insert(batch.sampler_logp.end(), sampled.begin(), sampled.end());
    }
    batch.whole.kept_tokens = batch.whole.minibatch_tokens;
    rollout_tokens += batch.whole.minibatch_tokens;
  }
  for (PolicyBatch& batch : batches) batch.whole.rollout_tokens = rollout_tokens;
  return batches;
}

}  // namespace pith
