#include "base/model/model_config.h"

#include <cmath>

namespace pith {

void ModelConfig::Finish() {
  if (value_head_dim == 0) value_head_dim = head_dim;
  if (attention_scale == 0) attention_scale = 1 / std::sqrt(static_cast<double>(head_dim));
  if (rotary_dim == 0) rotary_dim = head_dim;
  layers.resize(static_cast<size_t>(num_layers));
  for (Rotary& rotary : rotaries) SetFrequencies(rotary_dim, &rotary);
}

}  // namespace pith
