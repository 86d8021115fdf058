// The token that a model's texts begin with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/gguf.h"

namespace pith {

// BOS, where the tokenizer of the model puts one before a text; nothing where it puts none. A GGUF says so by tokenizer.ggml.add_bos_token, or leaves it
// to its kind of tokenizer, as llama.cpp takes it; a Hugging Face folder by add_bos_token, or by the post-processor of its tokenizer.json.
std::optional<int32_t> BeginToken(const GgufFile& file, int64_t vocab_size);
std::optional<int32_t> BeginToken(const std::string& hf_folder);

}  // namespace pith
