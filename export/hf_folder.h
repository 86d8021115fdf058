// A fused model as a Hugging Face folder.
#pragma once

#include <string>

#include "adapters/lora.h"
#include "base/base_model.h"

namespace pith {

// config.json, model.safetensors (bf16), the tokenizer's files and generation_config.json with all ends of an answer (data/text/end_tokens.h), from a base that is a Hugging Face folder itself.
void WriteFusedFolder(const BaseModel& base, const LoraAdapter& adapter, const std::string& out);

}  // namespace pith
