// Mistral 7B: Llama with a sliding window in every layer; Ministral: in some. Their GGUF is one of llama, where llama.cpp ignores windows.
#include "base/model/family.h"

namespace pith {
namespace {

void MistralFromHf(const HfFields& config, ModelConfig* c) {
  ReadUsualHfRotary(config, c);
  c->gguf_rope = RopeLayout::kInterleaved;
  const bool is_off = config.HasNull("sliding_window");
  SetHfWindows(config, is_off ? 0 : config.Int("sliding_window", 4096), [](int64_t) { return true; }, c);
}

void MistralFromGguf(const GgufFields& fields, ModelConfig* c) { kLlama.from_gguf(fields, c); }

}  // namespace

const Family kMistral = {"llama", "mistral", "MistralForCausalLM", {.context = 131072}, MistralFromHf, MistralFromGguf};
const Family kMinistral = {"llama", "ministral", "MinistralForCausalLM", {.context = 131072}, MistralFromHf, MistralFromGguf};

}  // namespace pith
