#include "train/heads/honest_fit.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/rng.h"

namespace pith {

HonestFit FitHonest(const LogisticData& data, std::optional<double> l2) {
  L2Choice choice = l2 ? L2Choice{*l2, 0, OutOfFoldLogits(data, *l2, kFitFolds)} : ChooseL2(data, kFitFolds);
  HonestFit out;
  out.l2 = choice.l2;
  out.fit = FitLogistic(data, choice.l2);
  out.scale = FitPlatt(choice.logits, data.right);
  out.head = out.fit.head;
  for (float& weight : out.head.weights) weight = static_cast<float>(weight * out.scale.slope);
  out.head.bias = static_cast<float>(out.head.bias * out.scale.slope + out.scale.shift);
  out.unseen = std::move(choice.logits);
  for (double& logit : out.unseen) logit = out.scale.slope * logit + out.scale.shift;
  return out;
}

std::vector<int64_t> HeldOutProblems(const std::vector<int64_t>& problems, double share, uint64_t seed, const char* head) {
  const std::set<int64_t> distinct(problems.begin(), problems.end());
  if (distinct.size() < 2) ThrowUser(head, " is fitted on some problems and tried on others, and there are ", distinct.size(), "; give more");
  std::vector<std::pair<uint64_t, int64_t>> drawn;
  for (const int64_t problem : distinct) drawn.emplace_back(Rng(seed, {0x68656c64, static_cast<uint64_t>(problem)}).Next(), problem);
  std::sort(drawn.begin(), drawn.end());
  const auto wanted = static_cast<size_t>(std::lround(share * static_cast<double>(drawn.size())));
  drawn.resize(std::clamp<size_t>(wanted, 1, drawn.size() - 1));
  std::vector<int64_t> out;
  for (const auto& [key, problem] : drawn) out.push_back(problem);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace pith
