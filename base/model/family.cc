#include "base/model/family.h"

#include "base/model/hf_rope.h"
#include "base/error.h"
#include "base/model/model_config_checks.h"

namespace pith {

std::span<const Family* const> Families() {
  static constexpr const Family* kAll[] = {&kLlama, &kMistral, &kMinistral, &kQwen2, &kQwen3, &kSmolLm3, &kPhi3, &kGemma2, &kGemma3, &kArcee};
  return kAll;
}

void ReadUsualHfRotary(const HfFields& config, ModelConfig* c, double theta) {
  config.RefuseTrue("rope_interleaved");
  const double share = ReadHfRotaryShare(config);
  if (share != 1) config.Refuse("partial_rotary_factor", Str(share));
  c->rotaries = {ReadHfRotary(config, c->context_length, c->head_dim, theta)};
}

void SetWindows(int64_t window, const std::vector<bool>& slides, ModelConfig* c) {
  c->layers.resize(slides.size());
  for (size_t i = 0; i < slides.size(); ++i) c->layers[i].window = slides[i] && window > 0 && window < c->context_length ? window : 0;
}

void RefuseHfBiases(const HfFields& config) {
  for (const char* key : {"attention_bias", "mlp_bias"}) config.RefuseTrue(key);
}

std::vector<bool> HfSlidingLayers(const HfFields& config, int64_t num_layers) {
  const nlohmann::json* types = config.Find("layer_types");
  if (types == nullptr) return {};
  if (!types->is_array() || static_cast<int64_t>(types->size()) != num_layers) {
    ThrowUser("'", config.path(), "': layer_types is no list of ", num_layers, " types, one for each layer");
  }
  std::vector<bool> sliding;
  for (const nlohmann::json& type : *types) {
    if (type != "full_attention" && type != "sliding_attention") config.Refuse("layer_types", type.dump());
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

}  // namespace pith
