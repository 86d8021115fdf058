#include "train/rl/problem_source.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "train/session/mixture_of.h"

namespace pith {

std::vector<size_t> ProblemsInOrder(const TrainConfig& config, size_t num_problems, int64_t first, int64_t count) {
  std::vector<size_t> out;
  std::vector<size_t> order(num_problems);
  int64_t epoch = -1;
  for (int64_t i = first; i < first + count; ++i) {
    if (i / static_cast<int64_t>(num_problems) != epoch) {
      epoch = i / static_cast<int64_t>(num_problems);
      std::iota(order.begin(), order.end(), size_t{0});
      if (config.data.shuffle) Rng(config.run.seed, {0x6772706f, static_cast<uint64_t>(epoch)}).Shuffle(order);
    }
    out.push_back(order[static_cast<size_t>(i % static_cast<int64_t>(num_problems))]);
  }
  return out;
}

std::vector<size_t> ProblemsOfStep(const TrainConfig& config, size_t num_problems, int64_t step) {
  return ProblemsInOrder(config, num_problems, step * config.rl.prompts_per_step, config.rl.prompts_per_step);
}

ProblemSource::ProblemSource(const TrainConfig& config, const std::vector<size_t>& source_of) : config_(config), num_problems_(source_of.size()) {
  if (config.data.sources.empty()) return;
  of_source_.resize(config.data.sources.size());
  for (size_t i = 0; i < source_of.size(); ++i) of_source_.at(source_of[i]).push_back(i);
  mixture_.emplace(MixtureOf(config.data, of_source_), config.run.seed);
}

std::vector<size_t> ProblemSource::Next(int64_t count) {
  drawn_ += count;
  if (mixture_) {
    std::vector<size_t> problems;
    for (const Mixture::Draw& draw : mixture_->Slots(drawn_ - count, count)) problems.push_back(of_source_[draw.source][static_cast<size_t>(draw.example)]);
    return problems;
  }
  return ProblemsInOrder(config_, num_problems_, drawn_ - count, count);
}

std::string ProblemSource::Save() const { return nlohmann::json{{"drawn", drawn_}}.dump(); }

void ProblemSource::Load(const std::string& json) {
  const auto drawn = nlohmann::json::parse(json).at("drawn").get<int64_t>();
  if (drawn < 0) ThrowUser("problems.drawn is ", drawn, ", expected at least 0");
  drawn_ = drawn;
}

DrawnGroups DrawGroups(const RlSettings& rl, const std::function<std::vector<size_t>(int64_t)>& draw,
                       const std::function<Groups(std::span<const size_t>, int64_t)>& sample,
                       const std::function<std::vector<GroupOutcome>(std::span<const size_t>, const Groups&)>& judge) {
  const auto wanted = static_cast<size_t>(rl.prompts_per_step);
  DrawnGroups out;
  double right_in_all = 0, completions = 0;
  while (true) {
    const std::vector<size_t> problems = draw(out.drawn());
    Groups groups = sample(problems, out.drawn());
    const std::vector<GroupOutcome> outcomes = judge(problems, groups);
    PITH_CHECK_EQ(outcomes.size(), groups.size());
    const size_t first = out.groups.size();
    ++out.rounds;
    out.problems.insert(out.problems.end(), problems.begin(), problems.end());
    std::move(groups.begin(), groups.end(), std::back_inserter(out.groups));
    for (size_t g = 0; g < outcomes.size(); ++g) {
      const std::vector<uint8_t>& right = outcomes[g].right;
      const auto num_right = static_cast<size_t>(std::count(right.begin(), right.end(), 1));
      right_in_all += static_cast<double>(num_right);
      completions += static_cast<double>(right.size());
      const bool mixed = num_right > 0 && num_right < right.size();
      out.kept += mixed || !rl.dynamic_sampling;
      if (rl.dynamic_sampling ? mixed && out.learned.size() < wanted : true) out.learned.push_back(first + g);
    }
    if (rl.dynamic_sampling && out.learned.size() < wanted && out.rounds < rl.max_resample_rounds) continue;
    if (out.learned.empty()) {
      for (size_t g = first; g < out.groups.size(); ++g) out.learned.push_back(g);
    }
    out.accuracy = completions > 0 ? right_in_all / completions : 0.0;
    return out;
  }
}

}  // namespace pith
