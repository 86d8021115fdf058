#include "runtime/generation/progress.h"

#include <algorithm>
#include <iterator>

namespace pith {

const char* ResponsePartName(ResponsePart part) {
  switch (part) {
    case ResponsePart::kThinking: return "thinking";
    case ResponsePart::kAnswer: return "answer";
    case ResponsePart::kForced: return "forced";
  }
  return "unknown";
}

ResponseProgress::ResponseProgress(const Tokenizer* tokenizer, Thoughts prompt, std::string marker)
    : tokenizer_(tokenizer), thoughts_(prompt), mark_(std::move(marker)) {}

void ResponseProgress::Announced(int64_t tokens) {
  tokens_ += tokens;
  if (thoughts_open()) thinking_ += tokens;
}

ResponsePart ResponseProgress::Append(int32_t token) {
  const std::string_view bytes = tokenizer_->TokenBytes(token);
  ++tokens_;
  text_ += bytes;
  ends_.push_back(text_.size());
  mark_.Read(text_, bytes.size());
  // A tag may be one token or several; it is complete with this one.
  const auto ends_here = [&](std::string_view tag) {
    const size_t reach = std::min(text_.size(), bytes.size() + tag.size() - 1);
    const size_t found = std::string_view(text_).substr(text_.size() - reach).rfind(tag);
    return found == std::string_view::npos ? std::string_view::npos : text_.size() - reach + found;
  };
  const size_t open = ends_here(kThinkOpen), close = ends_here(kThinkClose);
  const bool was_open = thoughts_open();
  if (close != std::string_view::npos && (open == std::string_view::npos || open < close)) {
    if (!was_open) thinking_ = tokens_ - 1;  // all of it had been thoughts
    thoughts_ = Thoughts::kClosed;
    closed_here_ = true;
  } else if (open != std::string_view::npos) {
    thoughts_ = Thoughts::kOpen;
    // The tag's first tokens were taken for an answer's.
    if (!was_open) thinking_ += std::distance(std::upper_bound(ends_.begin(), ends_.end(), open), ends_.end()) - 1;
  }
  if (!was_open && !thoughts_open() && close == std::string_view::npos) return ResponsePart::kAnswer;
  ++thinking_;
  return ResponsePart::kThinking;
}

}  // namespace pith
