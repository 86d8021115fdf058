// LASER-D's target lengths (arXiv 2505.15612), taken from the run's own completions.
//
// Every `update_every` steps, for each difficulty d: T_d is the least T of the grid with ⌊cover_d(T)·C_d⌋ ≥ 1, where cover_d(T)
// is the share of the completions with L ≤ T (right or wrong) among the groups of that difficulty in the last `window_steps`
// steps, and C_d = ⌊2K/3⌋, ⌊K/3⌋, 1 (at least 1) is how many of a group's K are right at least: one of them, in expectation,
// fits. A difficulty that the window lacks keeps its target.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "rewards/length_terms.h"

namespace pith {

// What became of one problem's completions.
struct GroupOutcome {
  std::vector<int64_t> lengths;
  std::vector<uint8_t> right;
};

class LaserTargets {
 public:
  struct Options {
    int64_t start_tokens = 0;     // the targets at first; at least 1
    int64_t max_tokens = 0;       // no target is greater; at least 1
    int64_t grid_tokens = 1;      // targets are multiples of it, or max_tokens
    int64_t update_every = 10;    // steps
    int64_t window_steps = 10;
    int64_t group_size = 8;       // K
  };
  explicit LaserTargets(const Options& options);

  const LengthTargets& targets() const { return targets_; }
  // Takes in one step.
  void Observe(std::span<const GroupOutcome> groups);

  // The state as JSON text; Load throws UserError for a text that is none of Save's.
  std::string Save() const;
  void Load(const std::string& text);

 private:
  void Update();

  Options options_;
  LengthTargets targets_;
  int64_t steps_ = 0;
  std::deque<std::vector<std::vector<int64_t>>> window_;  // step, difficulty, lengths
};

}  // namespace pith
