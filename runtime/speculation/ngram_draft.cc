#include "runtime/speculation/ngram_draft.h"

namespace pith {

EarlierPlace FindEarlier(std::span<const int32_t> tokens) {
  EarlierPlace found;
  const auto size = static_cast<int64_t>(tokens.size());
  for (int64_t next = size - 1; next > 0 && found.matched < kMostEvidence; --next) {
    if (tokens[static_cast<size_t>(next - 1)] != tokens[static_cast<size_t>(size - 1)]) continue;
    int matched = 1;
    while (matched < kMostEvidence && matched < next && tokens[static_cast<size_t>(next - 1 - matched)] == tokens[static_cast<size_t>(size - 1 - matched)]) ++matched;
    if (matched > found.matched) found = {next, matched};
  }
  return found;
}

void NgramDraft::Draft(std::span<DraftChain> chains) {
  for (DraftChain& chain : chains) {
    chain.draft.clear();
    const EarlierPlace place = FindEarlier(chain.tokens);
    chain.evidence = place.matched;
    if (place.next < 0) continue;
    const auto size = static_cast<int64_t>(chain.tokens.size());
    for (int64_t at = place.next; at < place.next + chain.most; ++at) {
      chain.draft.push_back(at < size ? chain.tokens[static_cast<size_t>(at)] : chain.draft[static_cast<size_t>(at - size)]);
    }
  }
}

}  // namespace pith
