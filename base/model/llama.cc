// Llama 2 and 3, SmolLM2, TinyLlama, MobileLLaMA, distillations of R1: the plain decoder, and in GGUF Mistral too.
#include "base/model/family.h"

namespace pith {
namespace {

void LlamaFromHf(const HfFields& config, ModelConfig* c) {
  RefuseHfBiases(config);
  config.RefuseTrue("use_sliding_window");
  for (const bool sliding : HfSlidingLayers(config, c->num_layers)) {
    if (sliding) config.Refuse("layer_types", "\"sliding_attention\"");
  }
  ReadUsualHfRotary(config, c);
  c->gguf_rope = RopeLayout::kInterleaved;
}

void LlamaFromGguf(const GgufFields&, ModelConfig* c) { c->gguf_rope = RopeLayout::kInterleaved; }

}  // namespace

const Family kLlama = {"llama", "llama", "LlamaForCausalLM", {.context = 2048}, LlamaFromHf, LlamaFromGguf};

}  // namespace pith
