#include "train/rl/rl_steering.h"

#include "base/error.h"
#include "base/log.h"

namespace pith {

class RlSteering::RewardPart : public Stateful {
 public:
  explicit RewardPart(RewardSteering* reward) : reward_(reward) {}
  std::string key() const override { return "reward"; }
  std::string Save() const override { return reward_->Save(); }
  void Load(const std::string& json) override { reward_->Load(json); }

 private:
  RewardSteering* reward_;
};

class RlSteering::CurriculumPart : public Stateful {
 public:
  explicit CurriculumPart(Curriculum* curriculum) : curriculum_(curriculum) {}
  std::string key() const override { return "curriculum"; }
  std::string Save() const override { return curriculum_->Save(); }
  void Load(const std::string& json) override { curriculum_->Load(json); }

 private:
  Curriculum* curriculum_;
};

class RlSteering::AlarmHook : public StepHook, public Stateful {
 public:
  explicit AlarmHook(const AlarmSettings& settings) : alarms_(settings) {}
  void After(StepRecord* record, Ledger*) override {
    for (const Alarm& alarm : alarms_.Observe(record->step, record->metrics)) {
      if (alarm.demand == Demand::kGoOn) LogWarning(alarm.sentence);
      else record->Ask(alarm.demand, alarm.sentence);
    }
    record->metrics.emplace_back("alarms", static_cast<double>(alarms_.sounding()));
  }
  std::string key() const override { return "alarms"; }
  std::string Save() const override { return alarms_.Save(); }
  void Load(const std::string& json) override { alarms_.Load(json); }

 private:
  Alarms alarms_;
};

RlSteering::RlSteering(const Session& session)
    : session_(session),
      reward_(session.config),
      reward_part_(std::make_unique<RewardPart>(&reward_)),
      alarms_(std::make_unique<AlarmHook>(session.config.alarms)) {
  if (!session.config.curriculum.enabled) return;
  std::vector<std::string> ids;
  for (size_t i = 0; i < session.num_problems(); ++i) ids.push_back(session.problems[i * session.num_variants()].problem.id);
  curriculum_ = std::make_unique<Curriculum>(session.config.curriculum, std::move(ids));
  curriculum_part_ = std::make_unique<CurriculumPart>(curriculum_.get());
}

RlSteering::~RlSteering() = default;

std::vector<size_t> RlSteering::Draw(int64_t step, int64_t first_place, int64_t n,
                                       const std::function<std::vector<size_t>(int64_t n)>& otherwise) const {
  std::vector<size_t> problems;
  if (curriculum_) {
    problems = curriculum_->Draw(session_.config.run.seed, step, first_place + n);  // the rounds before it drew the first of these
    problems.erase(problems.begin(), problems.begin() + first_place);
  } else {
    problems = otherwise(n);
  }
  return WithBudgets(session_, step, first_place, std::move(problems));
}

void RlSteering::Observe(std::span<const size_t> problems, std::span<const GroupOutcome> outcomes) {
  PITH_CHECK_EQ(problems.size(), outcomes.size());
  reward_.Observe(outcomes);
  if (!curriculum_) return;
  for (size_t g = 0; g < outcomes.size(); ++g) {
    if (outcomes[g].right.empty()) continue;  // nothing is known of it
    double right = 0;
    for (uint8_t r : outcomes[g].right) right += r != 0;
    curriculum_->Observe(problems[g] / session_.num_variants(), right / static_cast<double>(outcomes[g].right.size()));
  }
}

Metrics RlSteering::StepMetrics() const {
  Metrics metrics = reward_.Metrics();
  if (curriculum_) {
    const char* const names[kNumPools] = {"curriculum/fresh", "curriculum/learning", "curriculum/solved", "curriculum/hopeless"};
    const auto counts = curriculum_->Counts();
    for (size_t p = 0; p < kNumPools; ++p) metrics.emplace_back(names[p], static_cast<double>(counts[p]));
  }
  return metrics;
}

std::vector<Stateful*> RlSteering::parts() {
  std::vector<Stateful*> parts = {reward_part_.get()};
  if (curriculum_part_) parts.push_back(curriculum_part_.get());
  parts.push_back(alarms_.get());
  return parts;
}

std::vector<StepHook*> RlSteering::hooks() { return {alarms_.get()}; }

}  // namespace pith
