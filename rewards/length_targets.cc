#include "rewards/length_targets.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pith {

LaserTargets::LaserTargets(const Options& options) : options_(options) {
  PITH_CHECK(options.start_tokens > 0 && options.max_tokens > 0 && options.grid_tokens > 0 && options.update_every > 0 &&
             options.window_steps > 0 && options.group_size > 0);
  for (int64_t& tokens : targets_.tokens) tokens = options.start_tokens;
}

void LaserTargets::Observe(std::span<const GroupOutcome> groups) {
  std::vector<std::vector<int64_t>> step(kNumDifficulties);
  for (const GroupOutcome& group : groups) {
    if (group.right.empty()) continue;  // nothing could be judged
    std::vector<int64_t>& lengths = step[static_cast<size_t>(DifficultyOf(group.right))];
    lengths.insert(lengths.end(), group.lengths.begin(), group.lengths.end());
  }
  window_.push_back(std::move(step));
  if (static_cast<int64_t>(window_.size()) > options_.window_steps) window_.pop_front();
  if (++steps_ % options_.update_every == 0) Update();
}

void LaserTargets::Update() {
  const int64_t right_at_least[kNumDifficulties] = {2 * options_.group_size / 3, options_.group_size / 3, 1};
  for (size_t d = 0; d < kNumDifficulties; ++d) {
    std::vector<int64_t> lengths;
    for (const auto& step : window_) lengths.insert(lengths.end(), step[d].begin(), step[d].end());
    if (lengths.empty()) continue;
    std::sort(lengths.begin(), lengths.end());
    // ⌊covered/n·C⌋ ≥ 1 says covered ≥ n/C: the ⌈n/C⌉-th shortest fits, on the next step of the grid.
    const auto n = static_cast<int64_t>(lengths.size()), c = std::max<int64_t>(1, right_at_least[d]);
    const int64_t length = lengths[static_cast<size_t>((n + c - 1) / c - 1)];
    const int64_t grid = options_.grid_tokens;
    targets_.tokens[d] = std::min(options_.max_tokens, std::max<int64_t>(1, (length + grid - 1) / grid) * grid);
  }
}

std::string LaserTargets::Save() const {
  return nlohmann::json{{"targets", std::vector<int64_t>(targets_.tokens, targets_.tokens + kNumDifficulties)},
                        {"steps", steps_},
                        {"window", window_}}
      .dump();
}

void LaserTargets::Load(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto targets = json.at("targets").get<std::vector<int64_t>>();
    auto window = json.at("window").get<std::deque<std::vector<std::vector<int64_t>>>>();
    const auto steps = json.at("steps").get<int64_t>();
    const bool whole = targets.size() == kNumDifficulties && steps >= 0 &&
                       std::all_of(targets.begin(), targets.end(), [](int64_t t) { return t > 0; }) &&
                       std::all_of(window.begin(), window.end(), [](const auto& step) { return step.size() == kNumDifficulties; });
    if (!whole) ThrowUser("the state of laser_d's targets is damaged");
    std::copy(targets.begin(), targets.end(), targets_.tokens);
    steps_ = steps;
    window_ = std::move(window);
  } catch (const nlohmann::json::exception& e) {
    ThrowUser("the state of laser_d's targets cannot be read: ", e.what());
  }
}

}  // namespace pith
