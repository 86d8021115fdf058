#include "runtime/session/vote.h"

#include <algorithm>

#include "base/error.h"
#include "rewards/answers/answer.h"

namespace pith {

const char* VoteKindName(VoteKind kind) { return kind == VoteKind::kMajority ? "majority" : "weighted"; }

void Vote::Add(size_t chain, const std::string& text, double score) { AddAnswer(chain, ExtractAnswer(text, Reading::kLenient), score); }

void Vote::AddAnswer(size_t chain, std::optional<std::string> answer, double score) {
  PITH_CHECK(score >= 0 && score <= 1, score);
  answers_.at(chain) = std::move(answer);
  weights_[chain] = kind_ == VoteKind::kMajority ? 1 : score;
  ++added_;
}

std::vector<Vote::Tally> Vote::Count() const {
  std::vector<Tally> tallies;
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (!answers_[i]) continue;
    auto same = std::find_if(tallies.begin(), tallies.end(), [&](const Tally& tally) { return AnswersEqual(*answers_[tally.chain], *answers_[i]); });
    if (same == tallies.end()) same = tallies.insert(same, Tally{i, i});
    ++same->votes;
    same->weight += weights_[i];
    if (weights_[i] > weights_[same->best]) same->best = i;
  }
  return tallies;
}

Vote::Result Vote::Winner() const {
  Result best;
  size_t voters = 0;
  double all = 0;
  for (const Tally& tally : Count()) {
    voters += tally.votes;
    all += tally.weight;
    if (best.votes == 0 || tally.weight > best.weight) best = {tally.best, *answers_[tally.chain], tally.votes, tally.weight};
  }
  best.voters = voters;
  best.all_weight = all;
  return best;
}

bool Vote::Decided() const {
  constexpr double kRounding = 1e-9;  // of sums, which the chains still to come are added into in their own places
  const size_t left = answers_.size() - added_;
  if (left == 0) return true;
  double first = 0, second = 0;
  for (const Tally& tally : Count()) {
    second = std::max(second, std::min(first, tally.weight));
    first = std::max(first, tally.weight);
  }
  return first > second + static_cast<double>(left) + kRounding;  // equal votes would go to the chain of the lower number
}

}  // namespace pith
