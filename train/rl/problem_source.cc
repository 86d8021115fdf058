#include "train/rl/problem_source.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

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

std::vector<size_t> GrpoProblems(const TrainConfig& config, size_t num_problems, int64_t step) {
  return ProblemsInOrder(config, num_problems, step * config.rl.prompts_per_step, config.rl.prompts_per_step);
}

std::vector<size_t> ProblemSource::Next(int64_t count) {
  drawn_ += count;
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
                       const std::function<std::vector<bool>(std::span<const size_t>, const Groups&)>& correct) {
  const auto wanted = static_cast<size_t>(rl.prompts_per_step);
  DrawnGroups out;
  double right_in_all = 0, completions = 0;
  while (true) {
    std::vector<size_t> problems = draw(out.drawn);
    Groups groups = sample(problems, out.drawn);
    ++out.rounds;
    out.drawn += static_cast<int64_t>(groups.size());
    if (!rl.dynamic_sampling) {
      out.kept = out.drawn;
      out.problems = std::move(problems);
      out.groups = std::move(groups);
      return out;
    }
    const std::vector<bool> verdicts = correct(problems, groups);
    std::vector<bool> mixed;
    size_t i = 0;
    for (const auto& group : groups) {
      size_t right = 0;
      for (size_t k = 0; k < group.size(); ++k) right += verdicts.at(i++);
      mixed.push_back(right > 0 && right < group.size());
      right_in_all += static_cast<double>(right);
      completions += static_cast<double>(group.size());
    }
    const bool last = out.rounds == rl.max_resample_rounds;
    for (size_t g = 0; g < groups.size(); ++g) {
      if (!mixed[g]) continue;
      ++out.kept;
      if (out.groups.size() == wanted) continue;
      out.problems.push_back(problems[g]);
      out.groups.push_back(std::move(groups[g]));
    }
    if (out.groups.size() < wanted && !last) continue;
    if (out.groups.empty()) {
      out.problems = std::move(problems);
      out.groups = std::move(groups);
    }
    out.accuracy = completions > 0 ? right_in_all / completions : 0.0;
    return out;
  }
}

}  // namespace pith
