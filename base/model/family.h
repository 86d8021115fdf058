// A family of models: how its files describe a decoder. To add one, write a file like qwen3.cc and name it in family.cc
// (docs/architectures.md).
#pragma once

#include <cstdint>
#include <span>

#include "base/model/gguf_fields.h"
#include "base/model/hf_fields.h"
#include "base/model/model_config.h"

namespace pith {

struct Family {
  const char* arch;        // GGUF's general.architecture; families that share one have the same `from_gguf` and `to_gguf`
  const char* model_type;  // config.json's
  const char* hf_class;    // and the one of `architectures`
  // What transformers takes where config.json is silent.
  struct HfDefaults {
    int64_t context;
    double rms_norm_eps = 1e-6;
    bool tied_embeddings = false;
    int64_t head_dim = 0;  // 0: width / heads
  } hf_defaults;
  // Completes a description whose counts, names, epsilon and activation are read already. UserError for what is not implemented.
  void (*from_hf)(const HfFields& config, ModelConfig* c);
  // Likewise; what GGUF has a key for whatever the family (scale, soft caps, rotary positions, a window in every layer) is read too.
  void (*from_gguf)(const GgufFields& fields, ModelConfig* c);
  // Adds what the family's GGUF says beyond that. May be null.
  void (*to_gguf)(const ModelConfig& c, GgufWriter* writer) = nullptr;
};

std::span<const Family* const> Families();

extern const Family kLlama, kMistral, kMinistral, kQwen2, kQwen3, kSmolLm3, kPhi3, kGemma2, kGemma3;

// Steps that several families take.

// One rotary setting for the whole head, of all layers.
void ReadUsualHfRotary(const HfFields& config, ModelConfig* c);
// UserErrors where attention or the feed-forward has biases.
void RefuseHfBiases(const HfFields& config);
// `window` for the layers that config.json's layer_types call "sliding_attention"; where it has no such list, for those that `slides` names.
// A window as wide as the context is none.
template <class Slides>
void SetHfWindows(const HfFields& config, int64_t window, const Slides& slides, ModelConfig* c);
// The types in layer_types, one for each layer; empty when absent. UserError for others than "full_attention" and "sliding_attention".
std::vector<bool> HfSlidingLayers(const HfFields& config, int64_t num_layers);

template <class Slides>
void SetHfWindows(const HfFields& config, int64_t window, const Slides& slides, ModelConfig* c) {
  const std::vector<bool> listed = HfSlidingLayers(config, c->num_layers);
  c->layers.resize(static_cast<size_t>(c->num_layers));
  for (int64_t i = 0; i < c->num_layers; ++i) {
    const bool is_sliding = listed.empty() ? slides(i) : listed[static_cast<size_t>(i)];
    if (is_sliding && window > 0 && window < c->context_length) c->layers[static_cast<size_t>(i)].window = window;
  }
}

}  // namespace pith
