#include "train/rl/ahead.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "train/rollout/exchange.h"

namespace pith {
namespace {

constexpr char kFile[] = "/ahead.completions";

void WriteGroups(const SampledStep& sampled, const std::string& folder) {
  if (sampled.step < 0) return;
  std::string bytes;
  for (const std::vector<Completion>& group : sampled.groups) bytes += PackCompletions(group);
  WriteFile(folder + kFile, bytes);
}

}  // namespace

void Ahead::Begin(LoraAdapter adapter, std::vector<size_t> problems, int64_t step) {
  PITH_CHECK(!sampling_.valid(), "step ", step, " while another is being sampled");
  waiting_ = {step, std::move(problems), {}, {}};
  sampling_ = std::async(std::launch::async, [this, policy = std::move(adapter)] {
    waiting_.groups = sampler_->SampleOwn(policy, waiting_.problems, waiting_.step, &waiting_.stats, /*first_place=*/0,
                                          [this](size_t i, const Completion& completion) { on_completion_(waiting_.problems, i, completion); });
  });
}

void Ahead::End() {
  if (!sampling_.valid()) return;
  sampling_.get();
  ExchangeGroups(Ranks::World(), &waiting_.groups, &waiting_.stats);
}

std::optional<SampledStep> Ahead::Take(int64_t step) {
  PITH_CHECK(!sampling_.valid(), "step ", step, " is still being sampled");
  SampledStep taken = std::exchange(waiting_, {});
  if (taken.step != step) return {};
  return taken;
}

std::string Ahead::Save() const {
  return nlohmann::json{{"step", waiting_.step}, {"problems", waiting_.problems}, {"generated_tokens", waiting_.stats.generated_tokens}}.dump();
}

void Ahead::Load(const std::string& json) {
  const auto state = nlohmann::json::parse(json);
  waiting_ = {state.at("step").get<int64_t>(), state.at("problems").get<std::vector<size_t>>(), {}, {}};
  waiting_.stats.generated_tokens = state.at("generated_tokens").get<int64_t>();
}

void Ahead::SaveFiles(const std::string& folder) const { WriteGroups(waiting_, folder); }
void Ahead::SaveHeld(const std::string& folder) const { WriteGroups(held_, folder); }

void Ahead::LoadFiles(const std::string& folder) {
  if (waiting_.step < 0) return;
  const std::string bytes = ReadFile(folder + kFile);
  size_t at = 0;
  for (size_t g = 0; g < waiting_.problems.size(); ++g) waiting_.groups.push_back(UnpackCompletions(bytes, &at));
}

}  // namespace pith
