#include "configs/reward_kinds.h"

namespace pith {
namespace {

//                           times  plus   length budget relat. penalty
constexpr RewardKind kKinds[] = {
    {"budget",               true,  true,  true,  true,  false, false,
     "1 up to (1 − m)·B, falling linearly to p at (1 + m)·B; B, m, p from `budget`"},
    {"free_then_falling",    true,  true,  true,  false, false, false,
     "1 up to `free_tokens`, falling linearly to `floor` over `fall_tokens` more"},
    {"soft_overlong",        false, true,  true,  false, false, false,
     "DAPO's: 0 up to `max_tokens` − `cache_tokens`, falling to −1 at `max_tokens`"},
    {"l1_exact",             false, true,  true,  true,  false, true,
     "L1's: −`alpha`·abs(B − L), on wrong answers too"},
    {"l1_max",               true,  false, true,  true,  false, false,
     "L1's: `alpha`·(B − L) + `delta`, kept within 0 and 1"},
    {"kimi_k15",             false, true,  true,  false, true,  true,
     "Kimi k1.5's: ½ at the group's shortest completion to −½ at its longest; a wrong answer's is at most 0"},
    {"sigmoid",              true,  false, true,  false, true,  false,
     "Arora and Zanette's: 1 − `alpha`·σ((L − mean)/deviation) among the group's right answers"},
    {"shorter_better",       false, true,  true,  false, true,  true,
     "ShorterBetter's: −abs(L − the group's shortest right answer), on wrong answers too"},
    {"alp",                  false, true,  true,  false, true,  true,
     "ALP's: −L/`norm_tokens` times the share of the group that is right (at least one), on wrong answers too"},
    {"laser_d",              false, true,  true,  false, true,  true,
     "LASER-D's: 1 up to a target length, else 0; a target each for easy, medium and hard problems, taken from the run"},
    {"truncation",           true,  false, true,  false, false, false,
     "DLER's: 0 for a completion that was cut off or is longer than `limit_tokens`, else 1"},
    {"format",               true,  true,  false, false, false, false,
     "1 when the response ends with its only marked answer (`#### x` or a box), else 0"},
    {"spread",               false, true,  false, false, false, false,
     "for timings alone, on wrong answers too: the sum of the completion's token ids modulo 97, over 97, so that every group has something to learn from"},
};

}  // namespace

std::span<const RewardKind> RewardKinds() { return kKinds; }

const RewardKind* FindRewardKind(const std::string& name) {
  for (const RewardKind& kind : kKinds) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

RewardTerm DefaultRewardTerm(const std::string& kind) {
  RewardTerm term;
  term.kind = kind;
  if (kind == "l1_exact" || kind == "l1_max") {
    term.alpha = 3e-4;
    if (kind == "l1_max") term.delta = 0.5;
  }
  if (kind == "sigmoid") term.alpha = 0.2;
  if (kind == "l1_exact" || kind == "kimi_k15" || kind == "shorter_better" || kind == "alp" || kind == "spread") term.always = true;
  if (kind == "shorter_better") term.weight = 1e-3;
  if (kind == "laser_d" || kind == "alp") term.weight = 0.5;
  return term;
}

}  // namespace pith
