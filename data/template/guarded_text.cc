#include "data/template/guarded_text.h"

#include <algorithm>

#include "base/error.h"
#include "data/text/utf8.h"

namespace pith {

TextGuard::TextGuard(std::vector<std::string_view> control_texts, const std::vector<std::string_view>& texts)
    : control_texts_(std::move(control_texts)) {
  for (int32_t c = 0xFDD0; c <= 0xFDEF; ++c) {
    std::string candidate;
    AppendUtf8(candidate, c);
    const auto uses = [&](std::string_view text) { return text.find(candidate) != std::string_view::npos; };
    if (std::none_of(texts.begin(), texts.end(), uses) &&
        std::none_of(control_texts_.begin(), control_texts_.end(), uses)) {
      free_.push_back(std::move(candidate));
    }
  }
}

const std::string& TextGuard::PrivateFor(const std::string& original) {
  for (const auto& [have, character] : swapped_) {
    if (have == original) return character;
  }
  if (free_.empty()) {
    ThrowUser(
        "the text holds control tokens and nearly all of Unicode's noncharacters U+FDD0 to U+FDEF, "
        "so pith cannot keep them apart; remove the noncharacters");
  }
  swapped_.emplace_back(original, std::move(free_.back()));
  free_.pop_back();
  return swapped_.back().second;
}

std::string TextGuard::Protect(std::string_view text) {
  // Where a control token lies inside, runs over the end, or ends at the beginning with its front in the template.
  std::vector<bool> dangerous(text.size(), false);
  for (const std::string_view control : control_texts_) {
    for (size_t at = text.find(control[0]); at != std::string_view::npos; at = text.find(control[0], at + 1)) {
      const size_t overlap = std::min(control.size(), text.size() - at);
      if (text.substr(at, overlap) == control.substr(0, overlap)) dangerous[at] = true;
    }
    for (size_t from = 1; from < control.size() && !text.empty(); ++from) {
      const size_t overlap = std::min(control.size() - from, text.size());
      if (text.substr(0, overlap) == control.substr(from, overlap)) dangerous[0] = true;
    }
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t size = DecodeUtf8(text, at).size;
    const std::string original(text.substr(at, size));
    out += dangerous[at] ? PrivateFor(original) : original;
    at += size;
  }
  return out;
}

std::string TextGuard::Restore(std::string_view rendered, std::vector<TextRange>* literal) const {
  std::string out;
  for (size_t at = 0; at < rendered.size();) {
    const size_t size = DecodeUtf8(rendered, at).size;
    const std::string_view character = rendered.substr(at, size);
    const auto swapped =
        std::find_if(swapped_.begin(), swapped_.end(), [&](const auto& pair) { return pair.second == character; });
    if (swapped != swapped_.end()) {
      literal->push_back({out.size(), out.size() + swapped->first.size()});
      out += swapped->first;
    } else {
      out += character;
    }
    at += size;
  }
  return out;
}

}  // namespace pith
