// Which problems a step works on, of one data set or of a mix, and dynamic sampling: drawing until enough of them teach something.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "data/mixture.h"
#include "train/rl/policy_batch.h"
#include "train/run/stateful.h"

namespace pith {

// Problems number `first` … `first + count − 1` of the run, indices into Session::problems: every problem once before any
// comes again, in an order that depends on the seed alone.
std::vector<size_t> ProblemsInOrder(const TrainConfig& config, size_t num_problems, int64_t first, int64_t count);
// Those of step `step` (from 0) where every step takes prompts_per_step.
std::vector<size_t> ProblemsOfStep(const TrainConfig& config, size_t num_problems, int64_t step);

// Goes through the problems in order, those of a mix (data.sources) by the weights of their sources as data/mixture.h does, and remembers
// how far it is. Two of the same state draw the same.
class ProblemSource : public Stateful {
 public:
  // source_of: of each problem, as Session::sources() gives it. `config` must outlive this.
  ProblemSource(const TrainConfig& config, const std::vector<size_t>& source_of);
  std::vector<size_t> Next(int64_t count);
  int64_t drawn() const { return drawn_; }
  double epochs() const { return static_cast<double>(drawn_) / static_cast<double>(num_problems_); }  // that were drawn so far

  std::string key() const override { return "problems"; }
  std::string Save() const override;
  void Load(const std::string& json) override;

 private:
  const TrainConfig& config_;
  size_t num_problems_;
  std::vector<std::vector<size_t>> of_source_;  // of a mix: its problems
  std::optional<Mixture> mixture_;
  int64_t drawn_ = 0;
};

struct DrawnGroups {
  // All that were sampled, in that order: the controller, targets of length, alarms and metrics see every one of them.
  std::vector<size_t> problems;
  Groups groups;
  std::vector<size_t> learned;    // places among them of the groups to learn from
  int64_t rounds = 0;
  int64_t kept = 0;               // groups with right and wrong answers, surplus ones too
  double accuracy = 0;            // of all that could be judged

  int64_t drawn() const { return static_cast<int64_t>(groups.size()); }
};

// DAPO's dynamic sampling (arXiv 2503.14476, section 3.2): rounds of rl.prompts_per_step problems, of which those groups are
// learned from that have right and wrong answers, until prompts_per_step are there or rl.max_resample_rounds are over; surplus groups
// of the last round are left out. What is right is the outcome alone, whatever is paid. Where not one group qualifies, the last
// round's are learned from as they are. Without rl.dynamic_sampling: one round, all of it.
//
// draw(first_place) is the next prompts_per_step problems, first_place how many were drawn before in this step; sample gives
// their completions, judge what became of them, a group each.
DrawnGroups DrawGroups(const RlSettings& rl, const std::function<std::vector<size_t>(int64_t first_place)>& draw,
                       const std::function<Groups(std::span<const size_t> problems, int64_t first_place)>& sample,
                       const std::function<std::vector<GroupOutcome>(std::span<const size_t> problems, const Groups& groups)>& judge);

}  // namespace pith
