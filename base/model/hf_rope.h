// Rotary settings of a config.json: at the top level (rope_theta, rope_scaling), and since transformers 5 inside rope_parameters,
// which an older rope_scaling overrides.
#pragma once

#include "base/model/hf_fields.h"
#include "base/rotary.h"

namespace pith {

// `context`: max_position_embeddings. `rotary_dim`: of each head. `default_theta`: the family's, where the file gives none.
Rotary ReadHfRotary(const HfFields& config, int64_t context, int64_t rotary_dim, double default_theta = 10000);
// One set of settings: what rope_scaling, or an entry of rope_parameters, says.
Rotary ReadHfRotary(const HfFields& config, const HfFields& settings, int64_t context, int64_t rotary_dim, double theta);
// The share of a head that turns (partial_rotary_factor, at either place).
double ReadHfRotaryShare(const HfFields& config);

}  // namespace pith
