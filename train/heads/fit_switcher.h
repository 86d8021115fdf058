// From what every arm answered to every problem, and how the base read the prompts, to a switcher, and to figures on problems that it has not seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/switcher_head.h"
#include "configs/train_config.h"
#include "train/heads/routing.h"
#include "train/run/metrics.h"

namespace pith {

struct ArmOutcomes {
  size_t width = 0, num_arms = 0, samples = 0;  // D, K, S
  std::vector<float> x;                // N × D: pooled hidden states of the prompts
  std::vector<uint8_t> right;          // N × K × S
  std::vector<int64_t> tokens;         // N × K × S
  std::vector<int64_t> group;          // N: index of the problem
  std::vector<std::string> source;     // N: of a mix the source's name, else empty
  size_t size() const { return group.size(); }
};

struct FittedSwitcher {
  SwitcherHead head;    // but for what the caller knows: dataset and adapter
  Metrics metrics;      // "fit/…", "held_out/…"
  std::string report;   // the same with curves, shares by source and tables of reliability, JSON
};

// Fits on the problems that are not held out: of each arm a head for its chance by FitHonest(), and one for its tokens by ridge regression. An arm that is right always,
// or never, or too seldom the one or the other for cross-validation, gets its share as a constant. The price is solved for switch.cost on what each head says
// of problems that it was not fitted on. `arms`: names, adapters, budgets. UserError where all arms are such.
FittedSwitcher FitSwitcher(const ArmOutcomes& data, const std::vector<SwitchArm>& arms, const SwitchSettings& settings, uint64_t seed);

}  // namespace pith
