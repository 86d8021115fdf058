#include "runtime/generation/penalties.h"

#include <limits>
#include <vector>

namespace pith {

bool ChangesLogits(const SamplingParams& params) {
  return params.repetition_penalty != 1 || params.presence_penalty != 0 || params.frequency_penalty != 0 || !params.logit_bias.empty();
}

void ChangeLogits(const SamplingParams& params, std::span<const int32_t> prompt, std::span<const int32_t> response,
                  std::span<const int32_t> banned, std::span<float> logits) {
  const auto known = [&](int32_t id) { return static_cast<size_t>(id) < logits.size(); };  // none of an embedding's padding
  if (params.repetition_penalty != 1) {
    std::vector<bool> done(logits.size());
    for (const auto ids : {prompt, response}) {
      for (const int32_t id : ids) {
        if (!known(id) || done[static_cast<size_t>(id)]) continue;
        done[static_cast<size_t>(id)] = true;
        float& logit = logits[static_cast<size_t>(id)];
        logit = static_cast<float>(logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty);
      }
    }
  }
  if (params.presence_penalty != 0 || params.frequency_penalty != 0) {
    std::vector<int32_t> counts(logits.size());
    for (const int32_t id : response) {
      if (known(id)) ++counts[static_cast<size_t>(id)];
    }
    for (size_t id = 0; id < counts.size(); ++id) {
      if (counts[id] > 0) logits[id] -= static_cast<float>(params.frequency_penalty * counts[id] + params.presence_penalty);
    }
  }
  for (const auto& [id, bias] : params.logit_bias) {
    if (known(id)) logits[static_cast<size_t>(id)] += bias;
  }
  for (const int32_t id : banned) {
    if (known(id)) logits[static_cast<size_t>(id)] = -std::numeric_limits<float>::infinity();
  }
}

}  // namespace pith
