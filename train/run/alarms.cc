#include "train/run/alarms.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"

namespace pith {
namespace {

using NamedValues = std::span<const std::pair<std::string, double>>;

constexpr double kAccuracyMemory = 0.8;  // one step's accuracy is too noisy to be compared with the best
constexpr double kFewTokens = 5;         // after the close: a full stop and a line break are no second reasoning

std::optional<double> Find(NamedValues metrics, const char* name) {
  for (const auto& [key, value] : metrics) {
    if (key == name && std::isfinite(value)) return value;
  }
  return std::nullopt;
}

std::optional<double> WrongOverRight(NamedValues metrics) {
  const auto right = Find(metrics, "length/right"), wrong = Find(metrics, "length/wrong");
  if (!right || !wrong || *right <= 0) return std::nullopt;
  return *wrong / *right;
}

std::string Short(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

struct Kind {
  const char* name;
  double AlarmSettings::*limit;
  std::optional<double> (*value)(NamedValues);
  bool against_start;
  const char *what, *cure;
};

const Kind kKinds[] = {
    {"truncated", &AlarmSettings::truncated, [](NamedValues m) { return Find(m, "completions/clipped_ratio"); }, false,
     "the share of completions that are cut off is",
     "raise rollout.max_completion_tokens, or make long ones cost (reward.times: [budget] with a smaller budget.tokens)"},
    {"repetition", &AlarmSettings::repetition, [](NamedValues m) { return Find(m, "completions/repetition"); }, false,
     "the share of token trigrams that repeat is",
     "lower optimizer.learning_rate or set rl.kl_beta, and start again from a checkpoint before it began"},
    {"entropy_low", &AlarmSettings::entropy_low, [](NamedValues m) { return Find(m, "entropy"); }, false,
     "the sampler's entropy is, in nats,",
     "raise rl.clip_epsilon_high or rollout.temperature, or lower optimizer.learning_rate: samples that are all alike teach nothing"},
    {"entropy_rise", &AlarmSettings::entropy_rise, [](NamedValues m) { return Find(m, "entropy"); }, true,
     "the sampler's entropy, in nats, is", "lower optimizer.learning_rate or set rl.kl_beta: the policy is falling apart"},
    {"no_signal", &AlarmSettings::no_signal, [](NamedValues m) { return Find(m, "frac_reward_zero_std"); }, false,
     "the share of groups whose rewards are all equal is",
     "set curriculum.enabled: true, raise rl.group_size, or take problems that are solved now and then"},
    {"wrong_longer", &AlarmSettings::wrong_longer, WrongOverRight, true,
     "wrong answers are longer than right ones by the factor",
     "make length cost wrong answers too (reward.plus: [kimi_k15]) or set rl.mask_truncated: true"},
    {"after_close", &AlarmSettings::after_close, [](NamedValues m) { return Find(m, "completions/after_close"); }, true,
     "the tokens that follow the closed reasoning or the marked answer are, on average,",
     "the model reasons on where it is not looked at: list format under reward.times, and look at completions/"},
    {"accuracy_drop", &AlarmSettings::accuracy_drop, [](NamedValues m) { return Find(m, "accuracy"); }, false,
     "accuracy has fallen below its best by",
     "lower the weight of the length terms or set controller.accuracy_floor, and go back to the best checkpoint"},
};

}  // namespace

Alarms::Alarms(const AlarmSettings& settings) : settings_(settings) {
  for (const Kind& kind : kKinds) {
    if (settings.*kind.limit > 0) states_[kind.name];
  }
}

bool Alarms::Holds(const std::string& name, double value, double limit, const State& state) const {
  if (name == "entropy_low") return value < limit;
  const double start = state.start / std::max(1.0, state.start_steps);
  if (name == "entropy_rise") return value > limit * start;
  if (name == "wrong_longer") return value > limit && value > start;
  if (name == "after_close") return value > limit * std::max(start, kFewTokens);
  return value > limit;
}

std::vector<Alarm> Alarms::Observe(int64_t step, NamedValues metrics) {
  std::vector<Alarm> out;
  for (const Kind& kind : kKinds) {
    const double limit = settings_.*kind.limit;
    std::optional<double> value = kind.value(metrics);
    if (limit <= 0 || !value) continue;
    State& state = states_[kind.name];
    if (kind.name == std::string("accuracy_drop")) {
      state.mean = state.start_steps == 0 ? *value : kAccuracyMemory * state.mean + (1 - kAccuracyMemory) * *value;
      state.best = std::max(state.best, state.mean);
      value = state.best - state.mean;
    }
    const bool starting = state.start_steps < static_cast<double>(settings_.patience);
    const bool holds = kind.against_start && starting ? false : Holds(kind.name, *value, limit, state);
    if (starting) {
      state.start += *value;
      state.start_steps += 1;
    }
    state.held = holds ? state.held + 1 : 0;
    if (state.held == 1) state.since = step;
    if (state.held != settings_.patience) continue;
    const auto listed = [&](const std::vector<std::string>& names) { return std::find(names.begin(), names.end(), kind.name) != names.end(); };
    const Demand demand = listed(settings_.stop) ? Demand::kStop : listed(settings_.roll_back) ? Demand::kRollBack : Demand::kGoOn;
    if (demand == Demand::kRollBack) state.held = 0;  // so that it may sound again should going back not have helped
    std::string against = Str("limit ", Short(limit));
    if (kind.against_start) against += Str(", ", Short(state.start / state.start_steps), " at the start");
    out.push_back({kind.name,
                   Str("alarm ", kind.name, ", since step ", state.since, ": ", kind.what, " ", Short(*value), " (", against,
                       "); ", kind.cure),
                   demand});
  }
  return out;
}

int64_t Alarms::sounding() const {
  return std::count_if(states_.begin(), states_.end(), [&](const auto& s) { return s.second.held >= settings_.patience; });
}

std::string Alarms::Save() const {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, s] : states_) json[name] = {s.held, s.since, s.start, s.start_steps, s.mean, s.best};
  return json.dump();
}

void Alarms::Load(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    std::map<std::string, State> states;
    for (const auto& [name, old] : states_) {
      const auto values = json.at(name).get<std::vector<double>>();
      if (values.size() != 6) ThrowUser("the alarms' state of '", name, "' is damaged");
      states[name] = {static_cast<int64_t>(values[0]), static_cast<int64_t>(values[1]), values[2], values[3], values[4], values[5]};
    }
    states_ = std::move(states);
  } catch (const nlohmann::json::exception& e) {
    ThrowUser("the alarms' state cannot be read: ", e.what());
  }
}

}  // namespace pith
