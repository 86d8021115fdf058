// What Gemma 2 and Gemma 3 have in common.
#pragma once

#include <vector>

#include "base/model/gguf_fields.h"
#include "base/model/hf_fields.h"
#include "base/model/model_config.h"

namespace pith {

// Norms before and after each part, their weights stored less 1; the embedding times √D. GELU is config.json's hidden_activation.
void SetGemmaShape(ModelConfig* c);
void ReadGemmaHf(const HfFields& config, ModelConfig* c);
// GGUF has no key for the scale: llama.cpp knows it by the depth of the largest model, pith writes one where it is not 1/√H.
void ReadGemmaGgufScale(const GgufFields& fields, int64_t depth_of_largest, ModelConfig* c);
// The layers that slide: those that the file's pattern marks, a list or a number; without one all but every `step`th.
std::vector<bool> GemmaSlides(const GgufFields& fields, int64_t step, int64_t num_layers);

}  // namespace pith
