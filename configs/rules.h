// Rules between fields of a training configuration.
#pragma once

#include <initializer_list>
#include <string>

#include "configs/field_table.h"
#include "configs/train_config.h"

namespace pith {

// Appends what contradicts. A rule is skipped when a field that it reads is already in `problems`, so that one mistake
// is reported once.
void CheckRulesBetweenFields(const TrainConfig& config, Problems* problems);

// Those of the section `data` (data_rules.cc), for CheckRulesBetweenFields.
void CheckDataRules(const TrainConfig& config, Problems* problems);
// Those of the section `rl` (rules_rl.cc), for CheckRulesBetweenFields.
void CheckRlRules(const TrainConfig& config, Problems* problems);
// How a budget is told, and in SFT which of several an example has (budget_rules.cc): for the stages that know of budgets.
void CheckBudgetRules(const TrainConfig& config, Problems* problems);
// Its part about budget, reward, controller and curriculum, for stage rl.
void CheckRewardRules(const TrainConfig& config, Problems* problems);

// True when none of the keys is, or holds, something already in `problems`.
bool NoneReported(const Problems& problems, std::initializer_list<std::string> keys);

}  // namespace pith
