// Tables of the sections about pay: budget, reward, and the terms that reward lists.
#include "configs/list_fields.h"
#include "configs/reward_kinds.h"
#include "configs/sections.h"

namespace pith {
namespace {

bool HasBudget(const BudgetSettings& budget) { return budget.tokens > 0; }
bool FreeThenFalling(const RewardTerm& term) { return term.kind == "free_then_falling"; }
bool SoftOverlong(const RewardTerm& term) { return term.kind == "soft_overlong"; }
bool HasAlpha(const RewardTerm& term) { return term.kind == "l1_exact" || term.kind == "l1_max" || term.kind == "sigmoid"; }
bool L1Max(const RewardTerm& term) { return term.kind == "l1_max"; }
bool Alp(const RewardTerm& term) { return term.kind == "alp"; }
bool LaserD(const RewardTerm& term) { return term.kind == "laser_d"; }
bool Truncation(const RewardTerm& term) { return term.kind == "truncation"; }

std::vector<std::string> KindNames() {
  std::vector<std::string> names;
  for (const RewardKind& kind : RewardKinds()) names.push_back(kind.name);
  return names;
}

Field<RewardSettings> TermList(std::vector<RewardTerm> RewardSettings::*member, const std::string& key,
                               const std::string& doc) {
  const ElementRules<RewardTerm> rules = {RewardTermFields(), DefaultRewardTerm, "a term such as {kind: budget}"};
  const auto shown = [plus = key == "plus"](const Field<RewardTerm>& field) {
    return plus || (field.key != "weight" && field.key != "always");
  };
  return MakeListField<RewardSettings, RewardTerm>(member, key, "list of terms", doc, rules, shown);
}

}  // namespace

FieldTable<BudgetSettings> BudgetFields() {
  using S = BudgetSettings;
  const std::string on = "budget.tokens is more than 0";
  return {
      MakeField(&S::tokens, "tokens", "tokens", "The budget B; 0: none.", Between(0, 100000000)),
      MakeField(&S::window, "window", "share of B",
                "m: the budget's weight falls from 1 at (1 − m)·B to `floor` at (1 + m)·B.", FromBelow(0, 1))
          .When(on, HasBudget)
          .OnlyIn({"rl"}),
      MakeField(&S::floor, "floor", "", "p: the weight beyond (1 + m)·B.", Between(0, 1)).When(on, HasBudget).OnlyIn({"rl"}),
      MakeField(&S::reserve_tokens, "reserve_tokens", "tokens",
                "R: kept at decode time for closing the reasoning and answering. Stored with the adapter.",
                Between(0, 100000000))
          .When(on, HasBudget),
      MakeField(&S::close_text, "close_text", "",
                "Closes the reasoning at decode time where the model has no </think>. Stored with the adapter.",
                AnyText())
          .When(on, HasBudget),
      MakeField(&S::sentence, "sentence", "",
                "Ends the user's turn when not empty; `{budget}` in it becomes B.", AnyText())
          .When(on, HasBudget),
      MakeField(&S::announcement, "announcement", "",
                "Instead of a sentence: begins the response when not empty, as tokens that are forced and carry no loss, so that one prompt serves all "
                "budgets; `{budget}` in it becomes B. It counts in the length. Stored with the adapter.",
                AnyText())
          .When(on, HasBudget),
      MakeField(&S::choices, "choices", "tokens",
                "Several B, told by `sentence` or `announcement`; 0: no budget, and none is told. RL draws one for each prompt and step. SFT gives each "
                "example the smallest that its response keeps (0 is kept by all); what keeps none is left out, with a count. `tokens` stays what the adapter "
                "carries. Empty: always `tokens`.",
                Between(0, 100000000))
          .When(on, HasBudget),
  };
}

FieldTable<RewardTerm> RewardTermFields() {
  using S = RewardTerm;
  return {
      MakeField(&S::kind, "kind", "", "Which term.", OneOf(KindNames())),
      MakeField(&S::weight, "weight", "",
                "Factor of a `plus` term (shorter_better: 0.001 unless given; alp and laser_d: 0.5; else 1).",
                NumberRule{"other than 0", [](double x) { return x != 0; }}),
      MakeField(&S::always, "always", "Pay a `plus` term on wrong answers too (true for l1_exact, kimi_k15, shorter_better, alp and spread unless given)."),
      MakeField(&S::free_tokens, "free_tokens", "tokens", "Lengths up to here are worth 1.", Between(0, 100000000))
          .When("kind is free_then_falling", FreeThenFalling),
      MakeField(&S::fall_tokens, "fall_tokens", "tokens", "Over so many more the worth falls to `floor`.",
                Between(1, 100000000))
          .When("kind is free_then_falling", FreeThenFalling),
      MakeField(&S::floor, "floor", "", "What is left beyond.", FromBelow(0, 1))
          .When("kind is free_then_falling", FreeThenFalling),
      MakeField(&S::max_tokens, "max_tokens", "tokens", "From here on the penalty is −1.", Between(1, 100000000))
          .When("kind is soft_overlong", SoftOverlong),
      MakeField(&S::cache_tokens, "cache_tokens", "tokens", "The penalty grows over the last so many tokens.",
                Between(0, 100000000))
          .When("kind is soft_overlong", SoftOverlong),
      MakeField(&S::alpha, "alpha", "",
                "How steep. L1: per token (default 0.0003, for thousands of tokens: about 0.5/B suits a short B); sigmoid: the "
                "share that the longest right answers lose (default 0.2).",
                AboveUpTo(0, 1))
          .When("kind is l1_exact, l1_max or sigmoid", HasAlpha),
      MakeField(&S::delta, "delta", "", "Worth of a right answer of exactly B tokens (default 0.5).", Between(0, 1))
          .When("kind is l1_max", L1Max),
      MakeField(&S::norm_tokens, "norm_tokens", "tokens", "N, the length that costs the whole weight; 0: rollout.max_completion_tokens.",
                Between(0, 100000000))
          .When("kind is alp", Alp),
      MakeField(&S::limit_tokens, "limit_tokens", "tokens", "Longer completions earn nothing; 0: rollout.max_completion_tokens.",
                Between(0, 100000000))
          .When("kind is truncation", Truncation),
      MakeField(&S::start_tokens, "start_tokens", "tokens", "The targets at first; 0: rollout.max_completion_tokens.",
                Between(0, 100000000))
          .When("kind is laser_d", LaserD),
      MakeField(&S::grid_tokens, "grid_tokens", "tokens",
                "Targets are multiples of this; 0: a sixteenth of rollout.max_completion_tokens.", Between(0, 100000000))
          .When("kind is laser_d", LaserD),
      MakeField(&S::update_every, "update_every", "steps", "The targets are taken anew every so many steps …", Between(1, 1000000))
          .When("kind is laser_d", LaserD),
      MakeField(&S::window_steps, "window_steps", "steps", "… from the completions of the last so many.", Between(1, 100000))
          .When("kind is laser_d", LaserD),
  };
}

FieldTable<VerifierSettings> VerifierFields() {
  using S = VerifierSettings;
  const auto on = [](Field<S> field) { return std::move(field).When("command or url is set", [](const S& s) { return s.enabled(); }); };
  return {
      MakeField(&S::command, "command", "", "Program and arguments of a judge that reads JSON lines and answers each with one.", Required("a text")),
      MakeField(&S::url, "url", "", "Instead of a command: where JSON lists are sent by POST and answered with lists.",
                TextRule{"empty, or http://HOST[:PORT][/PATH]", [](const std::string& url) { return url.empty() || (url.starts_with("http://") && url.size() > 7); }}),
      on(MakeField(&S::kinds, "kinds", "", "Problems of these kinds go to this judge; empty: all problems, mathematics too.", Required("a kind"))),
      on(MakeField(&S::workers, "workers", "", "Processes of the command, or requests at a time.", Between(1, 256))),
      on(MakeField(&S::timeout_seconds, "timeout_seconds", "s",
                   "Of the command for an attempt (its first one counts the start), of the url for a request. The process is then started anew.",
                   AboveUpTo(0, 86400))),
      on(MakeField(&S::max_error_share, "max_error_share", "share",
                   "Of the last 100 attempts: where the judge fails on more, the run ends. It also ends where all of its first attempts fail.",
                   FromBelow(0, 1))),
  };
}

FieldTable<RewardSettings> RewardFields() {
  using S = RewardSettings;
  const auto rl = [](Field<S> field) { return std::move(field).OnlyIn({"rl"}); };
  return {
      rl(MakeField(&S::reading, "reading", "",
                   "Which reading of the answer is paid. strict: marked by `####` or \\boxed{}; lenient: else \"the answer "
                   "is …\", else the last number.",
                   OneOf({"strict", "lenient"}))),
      MakeField(&S::form, "form", "",
                "finished: an answer with work left in it that the gold answer has done (48/2+48 for 72, the verdict unsimplified) is not right. "
                "any: it is.",
                OneOf({"finished", "any"})),
      MakeGroupField<S, VerifierSettings>(&S::verifier, "verifier",
                                          "A judge of your own (docs/verifiers.md), for rewards, evaluations and a teacher's traces; its keys are below. "
                                          "Empty: mathematics alone.",
                                          VerifierFields(), "{command: [python3, judge.py]}",
                                          [](const VerifierSettings& v) { return v.enabled(); }),
      rl(TermList(&S::times, "times", "Factors of the reward of a right answer.")),
      rl(TermList(&S::plus, "plus",
                  "Terms added to it, on right answers only unless `always: true`. A length penalty on wrong answers "
                  "makes short wrong answers win.")),
  };
}

}  // namespace pith
