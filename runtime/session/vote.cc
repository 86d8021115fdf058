#include "runtime/session/vote.h"

#include <algorithm>

#include "rewards/answers/answer.h"

namespace pith {

void Vote::Add(size_t chain, const std::string& text) {
  answers_.at(chain) = ExtractAnswer(text, Reading::kLenient);
  ++added_;
}

std::vector<Vote::Tally> Vote::Count() const {
  std::vector<Tally> tallies;
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (!answers_[i]) continue;
    const auto same = std::find_if(tallies.begin(), tallies.end(), [&](const Tally& tally) { return AnswersEqual(*answers_[tally.chain], *answers_[i]); });
    if (same == tallies.end()) {
      tallies.push_back({i, 1});
    } else {
      ++same->votes;
    }
  }
  return tallies;
}

Vote::Result Vote::Winner() const {
  Result best;
  size_t voters = 0;
  for (const Tally& tally : Count()) {
    voters += tally.votes;
    if (tally.votes > best.votes) best = {tally.chain, *answers_[tally.chain], tally.votes};
  }
  best.voters = voters;
  return best;
}

bool Vote::Decided() const {
  const size_t left = answers_.size() - added_;
  if (left == 0) return true;
  size_t first = 0, second = 0;
  for (const Tally& tally : Count()) {
    second = std::max(second, std::min(first, tally.votes));
    first = std::max(first, tally.votes);
  }
  return first > second + left;  // equal votes would go to the chain of the lower number
}

}  // namespace pith
