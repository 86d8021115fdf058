#include "rewards/reward.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "configs/reward_kinds.h"
#include "rewards/answers/answer_text.h"

namespace pith {
namespace {

// 1 when the response ends with its one marked answer.
double FormatTerm(std::string_view response) {
  const MarkedAnswers marked = FindMarkedAnswers(response);
  if (marked.count != 1) return 0;
  const bool at_end = response.find_first_not_of(" \t\r\n.$", marked.last->end) == std::string_view::npos;
  return at_end ? 1 : 0;
}

void CheckTerm(const RewardTerm& term, bool times, const Budget& budget) {
  const std::string where = times ? "a times: term" : "a plus: term";
  const RewardKind* kind = FindRewardKind(term.kind);
  if (kind == nullptr) {
    std::string names;
    for (const RewardKind& k : RewardKinds()) names += (names.empty() ? "" : ", ") + std::string(k.name);
    ThrowUser(where, " of the reward is of kind '", term.kind, "'; expected one of ", names);
  }
  if (kind->needs_budget && budget.tokens <= 0) {
    ThrowUser(where, " of the reward pays by a budget but there is none; set budget.tokens");
  }
  if (times && !kind->times) ThrowUser(term.kind, " is a bonus or a penalty and cannot be a times: term; put it under plus:");
  if (!times && !kind->plus) ThrowUser(term.kind, " is a factor and cannot be a plus: term; put it under times:");
  if (term.kind == "free_then_falling" &&
      (term.free_tokens < 0 || term.fall_tokens < 1 || !(term.floor >= 0 && term.floor <= 1))) {
    ThrowUser(where, " free_then_falling has free_tokens ", term.free_tokens, ", fall_tokens ", term.fall_tokens,
              ", floor ", term.floor, "; expected at least 0, at least 1, and from 0 to 1");
  }
  if (term.kind == "soft_overlong" && (term.cache_tokens < 0 || term.max_tokens < 1 || term.cache_tokens > term.max_tokens)) {
    ThrowUser("soft_overlong has max_tokens ", term.max_tokens, " and cache_tokens ", term.cache_tokens,
              "; expected at least 1, and from 0 to max_tokens");
  }
  if ((term.kind == "l1_exact" || term.kind == "l1_max" || term.kind == "sigmoid") && !(term.alpha > 0 && term.alpha <= 1)) {
    ThrowUser(where, " ", term.kind, " has alpha ", term.alpha, "; expected more than 0 and at most 1");
  }
  if (term.kind == "l1_max" && !(term.delta >= 0 && term.delta <= 1)) {
    ThrowUser(where, " l1_max has delta ", term.delta, "; expected from 0 to 1");
  }
  if ((term.kind == "alp" && term.norm_tokens < 1) || (term.kind == "truncation" && term.limit_tokens < 1) ||
      (term.kind == "laser_d" && term.start_tokens < 1)) {
    ThrowUser(where, " ", term.kind, " has no length to go by; give it one, or a largest length of completions");
  }
  if (!std::isfinite(term.weight)) ThrowUser(where, " of the reward has no finite weight");
  // l1_exact and shorter_better pull towards a length, from both sides; kimi_k15 gives a wrong answer 0 at best.
  const bool shortens = kind->length && !kind->penalty;
  if (!times && term.always && (shortens || term.kind == "alp" || term.kind == "laser_d")) {
    LogWarning("reward.plus: " + term.kind + " with always: true also touches wrong answers, so short wrong answers win "
               "over long ones; " + (kind->times ? "list it under times: or drop always" : "set always: false, or use kimi_k15"));
  }
}

// As good as chance to who samples, and the same for the same completion.
double Spread(std::span<const int32_t> tokens) {
  int64_t sum = 0;
  for (const int32_t id : tokens) sum += id;
  return static_cast<double>(sum % 97) / 97;
}

// A group as the terms see it.
struct Group {
  std::span<const RewardInput> inputs;
  std::vector<int64_t> lengths;
  std::vector<uint8_t> right;
};

template <class Value>
std::vector<double> Each(const Group& group, const Value& value) {
  std::vector<double> out;
  for (const RewardInput& input : group.inputs) out.push_back(value(input));
  return out;
}

std::vector<double> TermValues(const RewardTerm& term, const Budget& budget, const Group& group, const RewardState& state) {
  const auto own_budget = [&](const RewardInput& i) { return i.budget_tokens.value_or(budget.tokens); };
  if (term.kind == "budget") {
    return Each(group, [&](const RewardInput& i) {
      Budget own = budget;
      own.tokens = own_budget(i);
      return SoftBudgetWeight(own, i.length_tokens);
    });
  }
  if (term.kind == "free_then_falling") {
    return Each(group, [&](const RewardInput& i) {
      return FreeThenFallingWeight(term.free_tokens, term.fall_tokens, term.floor, i.length_tokens);
    });
  }
  if (term.kind == "soft_overlong") {
    return Each(group, [&](const RewardInput& i) { return SoftOverlongPunishment(term.max_tokens, term.cache_tokens, i.length_tokens); });
  }
  if (term.kind == "l1_exact") {
    return Each(group, [&](const RewardInput& i) { return L1Exact(term.alpha, own_budget(i), i.length_tokens); });
  }
  if (term.kind == "l1_max") {
    return Each(group, [&](const RewardInput& i) { return L1Max(term.alpha, term.delta, own_budget(i), i.length_tokens); });
  }
  if (term.kind == "truncation") {
    return Each(group, [&](const RewardInput& i) { return TruncationWeight(term.limit_tokens, i.truncated, i.length_tokens); });
  }
  if (term.kind == "kimi_k15") return KimiLengthReward(group.lengths, group.right);
  if (term.kind == "sigmoid") return SigmoidWeights(term.alpha, group.lengths, group.right);
  if (term.kind == "shorter_better") return ShorterBetterPenalty(group.lengths, group.right);
  if (term.kind == "alp") return AdaptiveLengthPenalty(term.norm_tokens, group.lengths, group.right);
  if (term.kind == "laser_d") {
    LengthTargets targets = state.targets;
    for (int64_t& tokens : targets.tokens) tokens = tokens > 0 ? tokens : term.start_tokens;
    return LaserStep(targets, group.lengths, group.right);
  }
  if (term.kind == "spread") return Each(group, [](const RewardInput& i) { return Spread(i.tokens); });
  PITH_CHECK_EQ(term.kind, "format");
  return Each(group, [&](const RewardInput& i) { return FormatTerm(i.response); });
}

}  // namespace

Budget MakeBudget(const BudgetSettings& settings) {
  Budget budget;
  budget.tokens = settings.tokens;
  budget.window = settings.window;
  budget.floor = settings.floor;
  budget.reserve_tokens = settings.reserve_tokens;
  budget.close_text = settings.close_text;
  budget.sentence = settings.sentence;
  budget.announcement = settings.announcement;
  CheckBudget(budget, /*for_decoding=*/false);
  return budget;
}

RewardFunction::RewardFunction(const RewardSettings& settings, const Budget& budget, int64_t max_completion_tokens)
    : settings_(settings), budget_(budget) {
  CheckBudget(budget, /*for_decoding=*/false);
  if (settings.reading != "strict" && settings.reading != "lenient") {
    ThrowUser("reward.reading is '", settings.reading, "'; expected strict or lenient");
  }
  for (auto* list : {&settings_.times, &settings_.plus}) {
    for (RewardTerm& term : *list) {
      for (int64_t* tokens : {&term.norm_tokens, &term.limit_tokens, &term.start_tokens}) {
        if (*tokens == 0) *tokens = max_completion_tokens;
      }
      CheckTerm(term, list == &settings_.times, budget);
      std::string name = term.kind;
      for (int n = 2; std::find(names_.begin(), names_.end(), name) != names_.end(); ++n) name = Str(term.kind, "_", n);
      names_.push_back(name);
    }
  }
}

std::vector<RewardResult> RewardFunction::operator()(std::span<const RewardInput> all, std::span<const Judgements> judged,
                                                     const RewardState& state) const {
  PITH_CHECK_EQ(all.size(), judged.size());
  std::vector<RewardResult> results(all.size());
  std::vector<RewardInput> inputs;  // those that the verifier could judge
  std::vector<size_t> places;
  Group group;
  for (size_t i = 0; i < all.size(); ++i) {
    RewardResult& result = results[i];
    const Judgement& paid = judged[i].of(settings_.reading);
    result.judged = judged[i];
    result.failed = paid.failed();
    result.right = paid.right();
    result.outcome = result.reward = paid.score;
    if (result.failed) {
      result.terms.assign(settings_.times.size() + settings_.plus.size(), 0.0);
      continue;
    }
    inputs.push_back(all[i]);
    places.push_back(i);
    group.lengths.push_back(all[i].length_tokens);
    group.right.push_back(result.right);
  }
  group.inputs = inputs;
  const double lambda = state.length_weight;
  for (const RewardTerm& term : settings_.times) {
    const std::vector<double> values = TermValues(term, budget_, group, state);
    // At λ = 1 the value as it is: 1 − (1 − w) is w up to rounding only.
    const bool scaled = lambda != 1.0 && FindRewardKind(term.kind)->length;
    for (size_t i = 0; i < values.size(); ++i) {
      results[places[i]].terms.push_back(values[i]);
      if (group.right[i]) results[places[i]].reward *= scaled ? std::max(0.0, 1.0 - lambda * (1.0 - values[i])) : values[i];
    }
  }
  for (const RewardTerm& term : settings_.plus) {
    const std::vector<double> values = TermValues(term, budget_, group, state);
    const double weight = FindRewardKind(term.kind)->length ? lambda * term.weight : term.weight;
    for (size_t i = 0; i < values.size(); ++i) {
      results[places[i]].terms.push_back(values[i]);
      if (group.right[i] || term.always) results[places[i]].reward += weight * values[i];
    }
  }
  for (RewardResult& result : results) result.shaping = result.reward - result.outcome;
  return results;
}

std::vector<RewardResult> RewardFunction::operator()(std::span<const RewardInput> inputs, const RewardState& state) const {
  VerifiersOptions options;
  options.pay_unsimplified = settings_.form == "any";
  options.threads = 1;
  std::vector<Attempt> attempts;
  for (const RewardInput& input : inputs) {
    Attempt attempt;
    attempt.gold = input.gold;
    attempt.response = input.response;
    attempt.ended_by = input.truncated ? EndedBy::kWhole : EndedBy::kNone;
    attempts.push_back(attempt);
  }
  return (*this)(inputs, Verifiers(options).JudgeBoth(attempts), state);
}

RewardResult RewardFunction::operator()(const RewardInput& input) const { return (*this)(std::span(&input, 1)).front(); }

}  // namespace pith
