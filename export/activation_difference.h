// What fusing changes for an adapter that was trained to act from its invocation on.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "adapters/lora.h"
#include "base/model/base_model.h"

namespace pith {

struct ActivationDifference {
  double mean_abs = 0, max_abs = 0;  // of the logits, over the positions from the invocation on
  double kl = 0;                     // KL(invocation ‖ always) of the next token after the prompt, in nats
  bool same_token = true;            // whether both choose the same next token
};

// `ids` are a prompt whose invocation begins at `invocation_begin`.
ActivationDifference MeasureActivationDifference(const BaseModel& base, const LoraAdapter& adapter,
                                                 std::span<const int32_t> ids, int64_t invocation_begin);

// One sentence for people, on a fixed question in the base's chat template.
std::string DescribeActivationDifference(const BaseModel& base, const LoraAdapter& adapter);

}  // namespace pith
