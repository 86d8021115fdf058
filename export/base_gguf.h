// A base, plain or with an adapter fused in, as a GGUF that llama.cpp and pith's runtime map.
#pragma once

#include <optional>
#include <string>

#include "adapters/lora.h"
#include "base/base_model.h"

namespace pith {

struct BaseTypes {
  TensorType type = TensorType::kQ4_0;    // of every matrix but the head
  std::optional<TensorType> head_type;    // of token_embd and output; unset: q8_0 where `type` has 4 bits, else `type`
};

// Norms and biases become F32; a matrix whose rows the type's block does not divide becomes F16, with a warning. Tokenizer, template and
// other metadata come from the base; general.file_type, pith.base.sha256 and pith.base.tree_sha256 tell what is written. `adapter` may be null.
// Memory: the tensors as written, beside the mapped base.
void WriteBaseGguf(const BaseModel& base, const LoraAdapter* adapter, const BaseTypes& types, const std::string& out);

}  // namespace pith
