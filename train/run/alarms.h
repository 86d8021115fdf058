// Signs that a run goes wrong, read from its metrics: each alarm holds or not in a step, sounds once it has held `patience` steps
// in a row, and says in one sentence what, since when, the number, and the cure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "configs/train_config.h"
#include "train/run/loop.h"

namespace pith {

struct Alarm {
  std::string name;      // as in AlarmSettings::stop
  std::string sentence;
  Demand demand = Demand::kGoOn;  // what the configuration wants then
};

// A state machine over metrics; no clock, no randomness.
class Alarms {
 public:
  explicit Alarms(const AlarmSettings& settings);
  // Takes in the metrics of step `step` (from 1) and returns the alarms that begin to sound with it. A metric that a step lacks
  // leaves its alarm as it was. What is compared with the start is compared with the mean of the first `patience` steps.
  std::vector<Alarm> Observe(int64_t step, std::span<const std::pair<std::string, double>> metrics);
  // How many sound now.
  int64_t sounding() const;

  // The state as JSON text; Load throws UserError for a text that is none of Save's.
  std::string Save() const;
  void Load(const std::string& text);

 private:
  struct State {
    int64_t held = 0, since = 0;         // steps in a row, the first of them
    double start = 0, start_steps = 0;   // sum and count over the first steps
    double mean = 0, best = 0;           // accuracy_drop
  };
  bool Holds(const std::string& name, double value, double limit, const State& state) const;

  AlarmSettings settings_;
  std::map<std::string, State> states_;
};

}  // namespace pith
