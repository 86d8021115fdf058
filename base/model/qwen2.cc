// Qwen2 and 2.5: Llama with biases of queries, keys and values; a window, where it is used, in the later layers.
#include <algorithm>

#include "base/model/family.h"
#include "base/model/qwen.h"

namespace pith {

void ReadQwenWindows(const HfFields& config, ModelConfig* c) {
  const bool slides = config.Bool("use_sliding_window", false), is_off = config.HasNull("sliding_window");
  const int64_t window = is_off ? 0 : config.Int("sliding_window", 4096), first = config.Int("max_window_layers", 28);
  const std::vector<bool> listed = HfSlidingLayers(config, c->num_layers);
  const bool has_listed = std::find(listed.begin(), listed.end(), true) != listed.end();
  if (!slides && has_listed && window > 0 && window < c->context_length) config.Refuse("layer_types", "\"sliding_attention\" without use_sliding_window");
  SetHfWindows(config, slides ? window : 0, [&](int64_t layer) { return layer >= first; }, c);
}

namespace {

void Qwen2FromHf(const HfFields& config, ModelConfig* c) {
  c->qkv_bias = true;  // whatever attention_bias says
  ReadUsualHfRotary(config, c);
  ReadQwenWindows(config, c);
}

void Qwen2FromGguf(const GgufFields&, ModelConfig*) {}

}  // namespace

const Family kQwen2 = {"qwen2", "qwen2", "Qwen2ForCausalLM", {.context = 32768}, Qwen2FromHf, Qwen2FromGguf};

}  // namespace pith
