// Cutting text into the words inside which byte-level BPE merges. Each kind is a published regular expression, matched
// here by hand over code points (general categories of Unicode; a byte that is not UTF-8 is "neither space, letter nor
// number"). The words, joined, are the text.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace pith {

enum class PreTokenizer {
  kGpt2,    // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kSmolLm,  // every \p{N} by itself, then GPT-2's pattern between them
  kQwen2,   // (?i:'s|…)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kLlama3,  // as Qwen2's, with \p{N}{1,3}
};

// The kind whose pattern is exactly `pattern`, as in a tokenizer.json.
std::optional<PreTokenizer> PreTokenizerFromPattern(std::string_view pattern);

// Appends the words of `text` to `words`; they point into it.
void SplitWords(PreTokenizer kind, std::string_view text, std::vector<std::string_view>& words);

}  // namespace pith
