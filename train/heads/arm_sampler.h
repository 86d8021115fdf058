// What a switcher is fitted on: how the base reads each prompt, and what every arm answers to it, by the engine that phones run.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/generation/generate.h"
#include "runtime/session/auto_mode.h"
#include "train/session/session.h"

namespace pith {

struct ArmAnswers {
  std::vector<float> pooled;                     // D: the base's hidden states over the user's turn, their mean
  std::vector<std::vector<Completion>> by_arm;   // [arm][sample]
};

class ArmSampler {
 public:
  // The arms are the base and the adapter, packed as pith-export adapter packs it in switch.type, under each of switch.budgets. UserError for an adapter that acts on prompts, and for budgets
  // that cannot act.
  explicit ArmSampler(const Session& session);
  ~ArmSampler();

  // switch.samples answers of each arm to each of `problems` (indices). They depend on run.seed and the problem's index alone; ranks share the work.
  std::vector<ArmAnswers> Sample(std::span<const size_t> problems, GenerateStats* stats);
  const std::vector<SwitchArm>& arms() const { return named_; }  // without heads

 private:
  GenerateRequest Question(size_t problem) const;
  GenerateRequest Request(size_t problem, size_t arm) const;

  const Session& session_;
  const std::vector<int32_t> known_;   // of the next prompt, before anybody has said a word
  std::vector<SwitchArm> named_;
  std::vector<AutoArm> arms_;
  std::unique_ptr<Engine> engine_;
};

// The arms that the settings describe, for an adapter that announces budgets, or does not.
std::vector<SwitchArm> NamedArms(const SwitchSettings& settings, bool announces);
// Room in the cache that a step needs.
int64_t SwitchKvTokens(const Session& session);
int64_t SwitchKvBytes(const Session& session);

}  // namespace pith
