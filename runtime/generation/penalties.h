// What changes logits before a token is drawn: penalties for what was said already, and biases of the caller's.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/generation/sampler.h"

namespace pith {

bool ChangesLogits(const SamplingParams& params);

// In this order, as vLLM has them: repetition (tokens of prompt and response: a positive logit is divided by it, a negative one
// multiplied), frequency (times how often the response has the token) and presence (once), both subtracted; then the bias is added.
// `banned` become −∞. logits: V floats.
void ChangeLogits(const SamplingParams& params, std::span<const int32_t> prompt, std::span<const int32_t> response,
                  std::span<const int32_t> banned, std::span<float> logits);

}  // namespace pith
