// Prompt lookup: what stood behind the last tokens when they stood in prompt or response before (Saxena 2023, "prompt lookup decoding"; Yang et al. 2023,
// "Inference with Reference"). Costs no pass; pays where an answer repeats its prompt or itself.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/speculation/drafter.h"

namespace pith {

// The earlier place before which the most of the last tokens stand once more, counted up to kMostEvidence; of several the latest.
struct EarlierPlace {
  int64_t next = -1;  // the index of the token that followed; −1: the last token is new
  int matched = 0;    // tokens before it that are the last ones of all
};
// One pass over the tokens, from the back, that ends at a match of kMostEvidence: some microseconds for thousands of tokens.
EarlierPlace FindEarlier(std::span<const int32_t> tokens);

class NgramDraft : public Drafter {
 public:
  bool costs_passes() const override { return false; }
  // What followed, and where that comes to the end of all tokens what was drafted behind it: a text that goes round in circles goes on to.
  void Draft(std::span<DraftChain> chains) override;
};

}  // namespace pith
