// Choosing the next token from logits: greedy, or temperature, top-k, top-p and min-p, seeded.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/rng.h"

namespace pith {

struct SamplingParams {
  double temperature = 0.0;  // 0: greedy
  int64_t top_k = 0;         // 0: off
  double top_p = 1.0;        // in (0, 1]
  double min_p = 0.0;        // in [0, 1): relative to the most probable token
  uint64_t seed = 0;
  double repetition_penalty = 1.0;                   // in (0, 10]; 1: off. This and what follows: penalties.h
  double presence_penalty = 0.0;                     // in [−2, 2]
  double frequency_penalty = 0.0;                    // in [−2, 2]
  std::vector<std::pair<int32_t, float>> logit_bias = {};  // by token id, in [−100, 100]
};

struct SampledToken {
  int32_t id;
  float logprob;  // log softmax(logits / temperature)[id] (temperature 1 when greedy), before top-k/top-p/min-p cut it
  bool near_tie = false;  // greedy: another token's logit lies within kNearTieMargin below
};

// Two logits as close as this are as good as equal: what another processor, precision or type of weights changes in them may turn them round, and
// with them the rest of a greedy answer (docs/evaluation.md says what was measured).
inline constexpr double kNearTieMargin = 0.1;

// Throws UserError naming a value out of range.
void CheckSampling(const SamplingParams& params);

// Token number `position` of sample `sample`: depends on (seed, sample, position, logits) alone. Ties go to the lower id.
SampledToken Sample(const float* logits, int64_t vocab, const SamplingParams& params, uint64_t sample, uint64_t position);

// log softmax(logits / temperature)[id], as Sample() gives it with its token.
float LogProbability(const float* logits, int64_t vocab, double temperature, int32_t id);

}  // namespace pith
