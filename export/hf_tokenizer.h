// The tokenizer of a Hugging Face folder as GGUF metadata (tokenizer.ggml.*, tokenizer.chat_template).
#pragma once

#include <cstdint>
#include <string>

#include "base/gguf.h"

namespace pith {

// Reads tokenizer.json, tokenizer_config.json, config.json and chat_template.jinja of `folder`. Ids up to `vocab_size` that
// no token has become unused ones. UserError for what pith's tokenizer cannot read, or more tokens than the model has rows.
void SetTokenizerMetadata(const std::string& folder, int64_t vocab_size, GgufWriter* writer);

}  // namespace pith
