#include "base/model/model_config_checks.h"

#include <cmath>

#include "base/error.h"

namespace pith {
namespace {

// Far above any model of this family; small enough that products of two of them cannot overflow.
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxWidth = int64_t{1} << 24;
constexpr int64_t kMaxContext = int64_t{1} << 32;

void CheckRange(const std::string& path, const char* what, int64_t value, int64_t max) {
  if (value < 1 || value > max) ThrowUser("'", path, "': ", what, " is ", value, ", expected 1 to ", max);
}

}  // namespace

void CheckModelSizes(const std::string& path, const ModelConfig& c) {
  CheckRange(path, "the number of layers", c.num_layers, kMaxLayers);
  CheckRange(path, "the model width", c.d_model, kMaxWidth);
  CheckRange(path, "the number of heads", c.num_heads, kMaxWidth);
  CheckRange(path, "the number of KV heads", c.num_kv_heads, kMaxWidth);
  CheckRange(path, "the head size", c.head_dim, kMaxWidth);
  CheckRange(path, "the head size of values", c.value_head_dim, kMaxWidth);
  CheckRange(path, "the feed-forward width", c.d_ff, kMaxWidth);
  CheckRange(path, "the vocabulary size", c.vocab_size, kMaxWidth);
  CheckRange(path, "the context length", c.context_length, kMaxContext);
  CheckRange(path, "heads × head size", c.q_dim(), kMaxWidth);
  CheckRange(path, "heads × head size of values", c.attention_dim(), kMaxWidth);
  if (c.num_heads % c.num_kv_heads != 0) {
    ThrowUser("'", path, "': ", c.num_heads, " heads cannot share ", c.num_kv_heads, " KV heads evenly");
  }
  if (c.head_dim % 2 != 0) ThrowUser("'", path, "': head size ", c.head_dim, " is odd, rotary positions need pairs");
}

void CheckModelConfig(const std::string& path, const ModelConfig& c) {
  CheckModelSizes(path, c);
  for (const Rotary& rotary : c.rotaries) {
    if (!std::isfinite(rotary.theta) || rotary.theta <= 0) {
      ThrowUser("'", path, "': rope theta is ", rotary.theta, ", expected a positive number");
    }
    if (!std::isfinite(rotary.magnitude) || rotary.magnitude <= 0) {
      ThrowUser("'", path, "': the attention factor of rotary positions is ", rotary.magnitude, ", expected a positive number");
    }
    for (const double frequency : rotary.frequencies) {
      if (!std::isfinite(frequency)) ThrowUser("'", path, "': the settings of rotary positions give a frequency of ", frequency, "; correct them");
    }
  }
  for (const LayerConfig& layer : c.layers) PITH_CHECK(layer.window >= 0 && layer.rotary < static_cast<int>(c.rotaries.size()));
  if (!std::isfinite(c.rms_norm_eps) || c.rms_norm_eps < 0 || c.rms_norm_eps >= 1) {
    ThrowUser("'", path, "': the norms' epsilon is ", c.rms_norm_eps, ", expected a small positive number");
  }
  if (!std::isfinite(c.attention_scale) || c.attention_scale <= 0) {
    ThrowUser("'", path, "': attention's scale is ", c.attention_scale, ", expected a positive number");
  }
}

int64_t HeadDimFor(const std::string& path, int64_t d_model, int64_t num_heads) {
  CheckRange(path, "the number of heads", num_heads, kMaxWidth);
  if (d_model % num_heads != 0) {
    ThrowUser("'", path, "': width ", d_model, " is not a multiple of ", num_heads, " heads and no head size is given");
  }
  return d_model / num_heads;
}

void RefuseOption(const std::string& path, const std::string& option, const std::string& value) {
  ThrowUser("'", path, "' asks for ", option, " = ", value, ", which pith does not implement; use a model without it");
}

}  // namespace pith
