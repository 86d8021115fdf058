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
    const char* hidden_act = "silu";
  } hf_defaults;
  // Completes a description whose counts, names, epsilon and feed-forward are read already. UserError for what is not implemented.
  void (*from_hf)(const HfFields& config, ModelConfig* c);
  // Likewise; what GGUF has a key for whatever the family (scale, soft caps, rotary positions, a window in every layer) is read too.
  void (*from_gguf)(const GgufFields& fields, ModelConfig* c);
  // Adds what the family's GGUF says beyond that. May be null.
  void (*to_gguf)(const ModelConfig& c, GgufWriter* writer) = nullptr;
  // Whether its GGUF names a window even where none is narrower than the context: readers would take another, or refuse the file.
  bool always_names_window = false;
};

std::span<const Family* const> Families();

extern const Family kLlama, kMistral, kMinistral, kQwen2, kQwen3, kSmolLm3, kPhi3, kGemma2, kGemma3, kArcee;

// Steps that several families take.

// One rotary setting for the whole head, of all layers. `theta`: the family's, where the file gives none.
void ReadUsualHfRotary(const HfFields& config, ModelConfig* c, double theta = 10000);
// UserErrors where attention or the feed-forward has biases.
void RefuseHfBiases(const HfFields& config);
// `window` for the layers that slide. One as wide as the context is none, and so is 0.
void SetWindows(int64_t window, const std::vector<bool>& slides, ModelConfig* c);
// The layers that slide are those that config.json's layer_types call "sliding_attention"; where it has no such list, those that `slides` names.
template <class Slides>
void SetHfWindows(const HfFields& config, int64_t window, const Slides& slides, ModelConfig* c);
// The types in layer_types, one for each layer; empty when absent. UserError for others than "full_attention" and "sliding_attention".
std::vector<bool> HfSlidingLayers(const HfFields& config, int64_t num_layers);

template <class Slides>
void SetHfWindows(const HfFields& config, int64_t window, const Slides& slides, ModelConfig* c) {
  std::vector<bool> sliding = HfSlidingLayers(config, c->num_layers);
  for (auto i = static_cast<int64_t>(sliding.size()); i < c->num_layers; ++i) sliding.push_back(slides(i));
  SetWindows(window, sliding, c);
}

}  // namespace pith
