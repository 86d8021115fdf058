#include "data/response_text.h"

#include <algorithm>

namespace pith {

std::string JudgedText(const Tokenizer& tokenizer, std::span<const int32_t> prompt, std::span<const int32_t> response) {
  response = tokenizer.WithoutEnd(response);
  const auto open = tokenizer.FindToken("<think>"), close = tokenizer.FindToken("</think>");
  const auto is_tag = [&](int32_t id) { return id == open || id == close; };
  std::string text;
  const auto last = std::find_if(prompt.rbegin(), prompt.rend(), is_tag);
  if (last != prompt.rend() && *last == open) text += tokenizer.TokenBytes(*last);
  // Decode shows what is no control token by itself; a text is decoded in one piece, since its first space may be the encoder's.
  while (!response.empty()) {
    const auto tag = std::find_if(response.begin(), response.end(), [&](int32_t id) { return is_tag(id) && tokenizer.IsControl(id); });
    text += tokenizer.Decode(response.first(static_cast<size_t>(tag - response.begin())));
    if (tag == response.end()) break;
    text += tokenizer.TokenBytes(*tag);
    response = response.subspan(static_cast<size_t>(tag - response.begin()) + 1);
  }
  return text;
}

}  // namespace pith
