// A fused model as a Hugging Face folder.
#pragma once

#include <string>

#include "adapters/lora.h"
#include "base/model/base_model.h"

namespace pith {

// UserError where WriteFusedFolder would refuse to replace what stands at `out`; without `overwrite`, also where that is a folder with
// files in it, such as another model's.
void CheckFusedPlace(const std::string& out, bool overwrite);

// config.json, model.safetensors (bf16), the tokenizer's files and generation_config.json with all ends of an answer (data/text/end_tokens.h), from a base that is a Hugging Face folder itself.
void WriteFusedFolder(const BaseModel& base, const LoraAdapter& adapter, const std::string& out);

}  // namespace pith
