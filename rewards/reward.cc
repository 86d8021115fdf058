#include "rewards/reward.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "rewards/answer_text.h"

namespace pith {
namespace {

// 1 when the response ends with its one marked answer.
double FormatTerm(std::string_view response) {
  const MarkedAnswers marked = FindMarkedAnswers(response);
  if (marked.count != 1) return 0;
  const bool at_end = response.find_first_not_of(" \t\r\n.$", marked.last->end) == std::string_view::npos;
  return at_end ? 1 : 0;
}

bool IsLengthKind(const std::string& kind) {
  return kind == "budget" || kind == "free_then_falling" || kind == "soft_overlong";
}

void CheckTerm(const RewardTerm& term, bool times, const Budget& budget) {
  const std::string where = times ? "a times: term" : "a plus: term";
  if (!IsLengthKind(term.kind) && term.kind != "format") {
    ThrowUser(where, " of the reward is of kind '", term.kind,
              "'; expected budget, free_then_falling, soft_overlong or format");
  }
  if (term.kind == "budget" && budget.tokens <= 0) {
    ThrowUser(where, " of the reward pays by a budget but there is none; set budget.tokens");
  }
  if (term.kind == "free_then_falling" &&
      (term.free_tokens < 0 || term.fall_tokens < 1 || !(term.floor >= 0 && term.floor <= 1))) {
    ThrowUser(where, " free_then_falling has free_tokens ", term.free_tokens, ", fall_tokens ", term.fall_tokens,
              ", floor ", term.floor, "; expected at least 0, at least 1, and from 0 to 1");
  }
  if (term.kind == "soft_overlong") {
    if (times) ThrowUser("soft_overlong is a penalty from 0 to -1 and cannot be a times: term; put it under plus:");
    if (term.cache_tokens < 0 || term.max_tokens < 1 || term.cache_tokens > term.max_tokens) {
      ThrowUser("soft_overlong has max_tokens ", term.max_tokens, " and cache_tokens ", term.cache_tokens,
                "; expected at least 1, and from 0 to max_tokens");
    }
  }
  if (!std::isfinite(term.weight)) ThrowUser(where, " of the reward has no finite weight");
  if (!times && term.always && IsLengthKind(term.kind)) {
    LogWarning("reward.plus: " + term.kind + " with always: true also touches wrong answers, so short wrong answers win "
               "over long ones; list it under times: or drop always");
  }
}

double TermValue(const RewardTerm& term, const Budget& budget, const RewardInput& input) {
  if (term.kind == "budget") return SoftBudgetWeight(budget, input.length_tokens);
  if (term.kind == "free_then_falling") {
    return FreeThenFallingWeight(term.free_tokens, term.fall_tokens, term.floor, input.length_tokens);
  }
  if (term.kind == "soft_overlong") {
    return SoftOverlongPunishment(term.max_tokens, term.cache_tokens, input.length_tokens);
  }
  return FormatTerm(input.response);
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
  CheckBudget(budget, /*for_decoding=*/false);
  return budget;
}

RewardFunction::RewardFunction(const RewardSettings& settings, const Budget& budget)
    : settings_(settings), budget_(budget) {
  CheckBudget(budget, /*for_decoding=*/false);
  if (settings.reading != "strict" && settings.reading != "lenient") {
    ThrowUser("reward.reading is '", settings.reading, "'; expected strict or lenient");
  }
  for (const auto* list : {&settings.times, &settings.plus}) {
    for (const RewardTerm& term : *list) {
      CheckTerm(term, list == &settings.times, budget);
      std::string name = term.kind;
      for (int n = 2; std::find(names_.begin(), names_.end(), name) != names_.end(); ++n) name = Str(term.kind, "_", n);
      names_.push_back(name);
    }
  }
}

RewardResult RewardFunction::operator()(const RewardInput& input) const {
  RewardResult result;
  const Grade strict = GradeResponse(input.gold, input.response, Reading::kStrict);
  // A marked answer is what the lenient reading takes too.
  const Grade lenient = strict.verdict != Verdict::kUnparsed
                            ? strict
                            : GradeResponse(input.gold, input.response, Reading::kLenient);
  result.correct_strict = strict.verdict == Verdict::kCorrect;
  result.correct_lenient = lenient.verdict == Verdict::kCorrect;
  const bool correct = settings_.reading == "strict" ? result.correct_strict : result.correct_lenient;
  result.correct = correct ? 1 : 0;
  result.reward = result.correct;
  for (const RewardTerm& term : settings_.times) {
    result.terms.push_back(TermValue(term, budget_, input));
    result.reward *= result.terms.back();
  }
  for (const RewardTerm& term : settings_.plus) {
    result.terms.push_back(TermValue(term, budget_, input));
    if (correct || term.always) result.reward += term.weight * result.terms.back();
  }
  return result;
}

}  // namespace pith
