#include "runtime/speculation/draft_rule.h"

#include <algorithm>
#include <vector>

namespace pith {

namespace {

// Guesses before anything was seen, by evidence; what was seen since fades by kFading with each draft.
constexpr double kGuesses[] = {0.7, 0.1, 0.2, 0.4, 0.6, 0.7, 0.75, 0.8, 0.8};
constexpr double kGuessSeen = 3, kFading = 0.9;
constexpr double kDraftGuess = 0.3;   // of a pass of one row, for drafting a token
constexpr int64_t kIdlePasses = 128;  // without a draft until it is tried again …
constexpr int64_t kTries = 2;         // … so often

size_t PlaceOf(int evidence) { return static_cast<size_t>(std::min(evidence, kMostEvidence)); }

}  // namespace

Acceptance::Acceptance() {
  for (size_t i = 0; i < seen_.size(); ++i) {
    seen_[i] = kGuessSeen;
    right_[i] = kGuessSeen * kGuesses[i];
  }
}

double Acceptance::Rate(int evidence) const { return right_[PlaceOf(evidence)] / seen_[PlaceOf(evidence)]; }

void Acceptance::Note(int evidence, bool right) {
  const size_t i = PlaceOf(evidence);
  right_[i] = kFading * right_[i] + (right ? 1 : 0);
  seen_[i] = kFading * seen_[i] + 1;
}

void DraftRule::NoteDraft(int64_t tokens, double ms) {
  if (tokens < 1) return;
  const double each = ms / static_cast<double>(tokens);
  draft_ms_ = draft_ms_ == 0 ? each : draft_ms_ + 0.2 * (std::min(each, 2 * draft_ms_) - draft_ms_);
}

void DraftRule::Choose(std::span<Chain> chains, int64_t rows) {
  for (Chain& chain : chains) chain.count = always_ ? std::clamp<int64_t>(chain.most, 0, kMostTokens) : 0;
  if (always_ || !times_.known() || chains.empty()) return;
  struct Token {
    double right;
    size_t chain;
  };
  std::vector<Token> tokens;
  for (size_t i = 0; i < chains.size(); ++i) {
    double right = 1;
    for (int64_t j = 0; j < std::min(chains[i].most, kMostTokens); ++j) {
      const int evidence = chains[i].evidence;
      right *= chains[i].acceptance->Rate(evidence == 0 ? 0 : evidence + static_cast<int>(j));
      tokens.push_back({right, i});
    }
  }
  std::stable_sort(tokens.begin(), tokens.end(), [](const Token& a, const Token& b) { return a.right > b.right; });
  const auto given = static_cast<double>(chains.size());
  const double draft_ms = !costs_passes_ ? 0 : draft_ms_ > 0 ? draft_ms_ : kDraftGuess * times_.Ms(1);
  double sum = given, best = (1 + kMargin) * given / times_.Ms(rows);
  size_t count = 0;
  for (size_t k = 1; k <= tokens.size() && static_cast<int64_t>(k) <= kMostRows; ++k) {
    sum += tokens[k - 1].right;
    const double rate = sum / (times_.Ms(rows + static_cast<int64_t>(k)) + draft_ms * static_cast<double>(k));
    if (rate <= best) continue;
    best = rate;
    count = k;
  }
  for (size_t k = 0; k < count; ++k) ++chains[tokens[k].chain].count;
  if (!costs_passes_) return;
  if (count == 0 && ++idle_passes_ >= kIdlePasses) tries_ = kTries;
  if (count == 0 && tries_ == 0) return;
  if (count == 0) {
    for (Chain& chain : chains) chain.count = std::min<int64_t>(chain.most, 1);
  }
  tries_ = std::max<int64_t>(tries_ - 1, 0);
  idle_passes_ = 0;
}

}  // namespace pith
