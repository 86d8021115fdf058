// What a judge reads of a response.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/text/tokenizer.h"

namespace pith {

inline constexpr std::string_view kThinkOpen = "<think>", kThinkClose = "</think>";

// What the last tag of thoughts in a text does.
enum class Thoughts { kNone, kOpen, kClosed };
Thoughts ThoughtsAtEnd(std::string_view text);
// Of the end of a prompt: after kOpen a response begins within thoughts. Where people's texts stand in a prompt, their tags mean nothing:
// `generation_prompt` is what the template puts behind them.
Thoughts ThoughtsAtEnd(const Tokenizer& tokenizer, std::span<const int32_t> generation_prompt);

// The text of `response` (tokens behind the generation prompt) made from its tokens and their kinds: without the token that ended it, and without control tokens,
// but with the tags of thoughts, <think> and </think>, also where they are control tokens, which people do not see printed. Where the prompt has opened
// thoughts, the text begins with their tag. So what stands before </think>, or behind a <think> that nothing closes, can be told from an answer.
std::string JudgedText(const Tokenizer& tokenizer, bool prompt_opens_thoughts, std::span<const int32_t> response);
// Whether thoughts are open at the end of such a text.
bool EndsInThoughts(std::string_view judged_text);
// Such a text without its thoughts, and without white space at its beginning: what a conversation keeps of a turn.
std::string WithoutThoughts(std::string judged_text);

}  // namespace pith
