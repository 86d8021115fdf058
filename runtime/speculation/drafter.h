// Who drafts: proposes tokens that a chain may go on with, so that one pass of the model over all of them says how many it would have said itself
// (speculative decoding: Leviathan, Kalman and Matias 2023; Chen et al. 2023).
//
// Any draft is safe. The model's token is drawn at each position as plain decoding draws it, from the model's own logits there with the random
// number that belongs to (seed, sample, position), and a drafted token is kept where it is the very token drawn. So the tokens are
// those of plain decoding, whatever the draft was. The rule of the papers (keep x of the draft's q with probability
// min(1, p(x)/q(x)), else draw from what max(0, p − q) leaves) keeps the distribution alone: a seed would mean other tokens with another
// draft. For a draft without chance, q all on one x, both keep x with probability p(x).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/engine.h"

namespace pith {

// A chain that is to be drafted for.
struct DraftChain {
  SequenceId sequence = -1;          // of the engine that decodes; has all of `tokens` but the last ones, which it runs next. At least one
  std::span<const int32_t> tokens;   // of prompt and response, up to now
  int64_t most = 0;                  // tokens wanted
  // The token that sampling would draw from these logits (V floats) behind `drafted`, with the random number that belongs there; −1 where the logits are
  // broken. For drafts that come from a model.
  std::function<int32_t(const float* logits, std::span<const int32_t> drafted)> draw = {};

  std::vector<int32_t> draft = {};   // what came: at most `most` tokens
  int evidence = 0;                  // how much speaks for it, at most kMostEvidence; each of its tokens that is right adds 1. 0: the drafter cannot tell
};
inline constexpr int kMostEvidence = 8;

// Belongs to one engine that decodes; not thread-safe.
class Drafter {
 public:
  virtual ~Drafter() = default;
  // Whether drafting takes passes of a model: then it is asked only for what is going to be run, else for all that it knows.
  virtual bool costs_passes() const = 0;
  virtual void Draft(std::span<DraftChain> chains) = 0;
  virtual void Forget(SequenceId) {}  // the chain is over
};

}  // namespace pith
