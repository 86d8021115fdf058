// What a judge reads of a response.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/text/tokenizer.h"

namespace pith {

// The text of `response` (tokens behind the generation prompt) made from its tokens and their kinds: without the token that ended it, and without control tokens,
// but with the tags of thoughts, <think> and </think>, also where they are control tokens, which people do not see printed. Where the last such tag of `prompt` opens
// thoughts, the text begins with it. So what stands before </think>, or behind a <think> that nothing closes, can be told from an answer.
std::string JudgedText(const Tokenizer& tokenizer, std::span<const int32_t> prompt, std::span<const int32_t> response);

}  // namespace pith
