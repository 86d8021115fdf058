// The kinds of reward terms: where each may stand, what it needs, and the defaults of its paper.
#pragma once

#include <span>
#include <string>

#include "configs/train_config.h"

namespace pith {

struct RewardKind {
  const char* name;
  bool times, plus;       // the lists that it may stand in
  bool length;            // looks at the length: what the controller's weight acts on
  bool needs_budget;
  bool relative;          // compares within the group, so one completion alone teaches it nothing
  bool penalty;           // 0 or less, or a bonus: a negative weight would turn its meaning around
  const char* value;      // for the reference page
};

std::span<const RewardKind> RewardKinds();
// nullptr for an unknown name.
const RewardKind* FindRewardKind(const std::string& name);
// A term of this kind as its paper has it; an unknown kind gets RewardTerm's defaults.
RewardTerm DefaultRewardTerm(const std::string& kind);

}  // namespace pith
