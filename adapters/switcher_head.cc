// The choice among arms.
#include "adapters/switcher_head.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"

namespace pith {

size_t BestArm(std::span<const double> right, std::span<const double> tokens, double price) {
  PITH_CHECK(!right.empty() && right.size() == tokens.size(), right.size());
  size_t best = 0;
  for (size_t k = 1; k < right.size(); ++k) {
    const double value = right[k] - price * tokens[k], before = right[best] - price * tokens[best];
    if (value > before || (value == before && tokens[k] < tokens[best])) best = k;
  }
  return best;
}

double ExpectedTokens(const SwitchArm& arm, std::span<const float> pooled_D) {
  return std::clamp<double>(HeadLogit(arm.tokens, pooled_D), arm.least_tokens, arm.most_tokens);
}

SwitchChoice ChooseArm(const SwitcherHead& head, double price, std::span<const float> pooled_D) {
  SwitchChoice choice;
  for (const SwitchArm& arm : head.arms) {
    choice.right.push_back(Probability(HeadLogit(arm.right, pooled_D)));
    choice.tokens.push_back(ExpectedTokens(arm, pooled_D));
  }
  choice.arm = BestArm(choice.right, choice.tokens, price);
  return choice;
}

float PriceFor(const SwitcherHead& head, double tokens, const std::string& origin) {
  const auto found = std::find_if(head.curve.begin(), head.curve.end(), [&](const SwitchPoint& p) { return p.tokens <= tokens; });
  if (found != head.curve.end()) return found->price;
  if (head.curve.empty()) ThrowUser("'", origin, "': the adapter's switcher has no curve of prices, so a mean number of tokens cannot be asked for; leave it at its own price");
  const SwitchPoint& last = *std::min_element(head.curve.begin(), head.curve.end(), [](const auto& a, const auto& b) { return a.tokens < b.tokens; });
  ThrowUser("'", origin, "': the adapter's switcher was asked for ", tokens, " tokens an answer on average, and the least that it was seen to need is ", last.tokens, "; allow as many");
}

void CheckSwitcherFits(const std::string& origin, const SwitcherHead& head, const ModelConfig& base) {
  const size_t width = head.arms[0].right.weights.size();
  if (static_cast<int64_t>(width) == base.d_model) return;
  ThrowUser("'", origin, "': the adapter's switcher has heads of ", width, " weights, and the base's hidden states ", base.d_model, " values; the adapter belongs to another base");
}

std::string SwitcherSentence(const SwitcherHead& head) {
  const SwitcherFit& fit = head.fit;
  char reached[160];
  std::snprintf(reached, sizeof reached, "%.1f %% right at %.1f tokens, by lot at that cost %.1f %%", 100 * fit.accuracy, fit.mean_tokens, 100 * fit.random_accuracy);
  return Str("fitted on ", fit.fit_problems, " problems", fit.dataset.empty() ? "" : " (" + fit.dataset + ")", "; on ", fit.held_out_problems, " others: ", reached);
}

}  // namespace pith
