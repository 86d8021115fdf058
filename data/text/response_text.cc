#include "data/text/response_text.h"

#include <algorithm>

namespace pith {

Thoughts ThoughtsAtEnd(std::string_view text) {
  const size_t open = text.rfind(kThinkOpen), close = text.rfind(kThinkClose);
  if (open == close) return Thoughts::kNone;  // there is neither
  return close == std::string_view::npos || (open != std::string_view::npos && open > close) ? Thoughts::kOpen : Thoughts::kClosed;
}

Thoughts ThoughtsAtEnd(const Tokenizer& tokenizer, std::span<const int32_t> generation_prompt) {
  return ThoughtsAtEnd(tokenizer.Decode(generation_prompt, /*with_control=*/true));
}

std::string JudgedText(const Tokenizer& tokenizer, bool prompt_opens_thoughts, std::span<const int32_t> response) {
  response = tokenizer.WithoutEnd(response);
  const auto open = tokenizer.FindToken(kThinkOpen), close = tokenizer.FindToken(kThinkClose);
  const auto is_hidden = [&](int32_t id) { return (id == open || id == close) && tokenizer.IsControl(id); };
  std::string text(prompt_opens_thoughts ? kThinkOpen : "");
  // What is no control token is shown by Decode; between tags a text is decoded in one piece, since its first space may be the encoder's.
  while (!response.empty()) {
    const auto tag = std::find_if(response.begin(), response.end(), is_hidden);
    text += tokenizer.Decode(response.first(static_cast<size_t>(tag - response.begin())));
    if (tag == response.end()) break;
    text += tokenizer.TokenBytes(*tag);
    response = response.subspan(static_cast<size_t>(tag - response.begin()) + 1);
  }
  return text;
}

bool EndsInThoughts(std::string_view judged_text) { return ThoughtsAtEnd(judged_text) == Thoughts::kOpen; }

std::string WithoutThoughts(std::string text) {
  if (EndsInThoughts(text)) text.erase(text.rfind(kThinkOpen));
  if (const size_t close = text.rfind(kThinkClose); close != std::string::npos) text.erase(0, close + kThinkClose.size());
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

}  // namespace pith
