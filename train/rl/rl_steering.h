// What steers a run of RL from step to step: which problems it draws under which budget, what length costs by now, and the
// alarms. All of its state is in parts that a checkpoint keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/curriculum.h"
#include "rewards/steering.h"
#include "train/run/alarms.h"
#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

class RlSteering {
 public:
  explicit RlSteering(const Session& session);
  ~RlSteering();

  // Entries of session.problems for n places of step `step` (from 0), from `first_place` on: the curriculum's problems or, without
  // one, those of `otherwise(n)`, each with the budget that is drawn for its place. A step that draws in several rounds counts its
  // places on.
  std::vector<size_t> Draw(int64_t step, int64_t first_place, int64_t n,
                           const std::function<std::vector<size_t>(int64_t n)>& otherwise) const;
  RewardState reward_state() const { return reward_.state(); }
  // What became of these entries, group by group. Moves the reward and the curriculum.
  void Observe(std::span<const size_t> problems, std::span<const GroupOutcome> outcomes);
  Metrics StepMetrics() const;

  // Only of what the configuration has.
  std::vector<Stateful*> parts();
  std::vector<StepHook*> hooks();

 private:
  class RewardPart;
  class CurriculumPart;
  class AlarmHook;

  const Session& session_;
  RewardSteering reward_;
  std::unique_ptr<Curriculum> curriculum_;
  std::unique_ptr<RewardPart> reward_part_;
  std::unique_ptr<CurriculumPart> curriculum_part_;
  std::unique_ptr<AlarmHook> alarms_;
};

}  // namespace pith
