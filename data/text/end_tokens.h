// Which tokens end an answer: the one place that says so. Tokenizer::IsEnd asks here, and so do the exporter's files.
//
// A token ends an answer when the model's files declare it (eos_id and end_ids of a Vocabulary), or when it is known by its text: "<|im_end|>",
// "<|eot_id|>", "<|endoftext|>" and so on, llama.cpp's list of end-of-generation texts. By its text a token counts where it is a control or user-defined
// token, never as a normal entry of the vocabulary. As in llama.cpp, "<|end|>" does not count in vocabularies with "<|call|>" or
// "<|calls|>" and "<|return|>" or "<|flush|>" (gpt-oss, Solar: it ends a message, not the answer), nor "</s>" beside "<|tool_response>" (Gemma 4). Unlike there,
// "</s>" counts as a control token alone: in Gemma's vocabularies it is user-defined, the end of struck-out text in HTML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pith {

struct Vocabulary;

// All ends that a GGUF's model declares, where they are more than one: Ollama's key, which pith's exporter writes and llama.cpp passes over.
inline constexpr const char* kGgufEndsKey = "tokenizer.ggml.eos_token_ids";

// Ids without repetition: the vocabulary's eos first, then what its files declare, then what is known by its text, in the order of ids.
std::vector<int32_t> EndIds(const Vocabulary& vocabulary);

// Whether `text` is on the list, whatever token has it.
bool IsEndText(std::string_view text);

// Sets eos_id and end_ids as the files of a Hugging Face folder declare them: eos_token of tokenizer_config.json (else of special_tokens_map.json), and
// eos_token_id, one id or a list, of generation_config.json and config.json. What is no token of the vocabulary ends nothing, with a warning.
// UserError when a file or a value cannot be read.
void ReadFolderEnds(const std::string& folder, Vocabulary* vocabulary);

}  // namespace pith
