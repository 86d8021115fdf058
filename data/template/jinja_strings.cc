#include <algorithm>

#include "data/template/jinja_lexer.h"
#include "data/template/jinja_runtime.h"
#include "data/text/utf8.h"

namespace pith {

std::string JinjaStrip(const std::string& text, const JinjaValue* characters, JinjaStripSide side) {
  std::string_view rest = text;
  if (characters == nullptr || characters->IsNone()) {
    if (side != JinjaStripSide::kRight) rest = StripLeft(rest);
    if (side != JinjaStripSide::kLeft) rest = StripRight(rest);
    return std::string(rest);
  }
  if (!characters->IsString()) ThrowJinja("strip needs a string, not '", characters->TypeName(), "'");
  const std::string& set = characters->AsString();
  const auto in_set = [&](std::string_view one) {
    for (size_t at = 0; at < set.size();) {
      const size_t size = DecodeUtf8(set, at).size;
      if (std::string_view(set).substr(at, size) == one) return true;
      at += size;
    }
    return false;
  };
  while (side != JinjaStripSide::kRight && !rest.empty()) {
    const size_t size = DecodeUtf8(rest, 0).size;
    if (!in_set(rest.substr(0, size))) break;
    rest.remove_prefix(size);
  }
  while (side != JinjaStripSide::kLeft && !rest.empty()) {
    size_t begin = rest.size() - 1;
    while (begin > 0 && (rest[begin] & 0xC0) == 0x80) --begin;
    if (!in_set(rest.substr(begin))) break;
    rest = rest.substr(0, begin);
  }
  return std::string(rest);
}

namespace {

// Knuth, Morris and Pratt (1977): the first place of `part` in a text of `size` bytes, linear whatever they hold.
template <class TextAt, class PartAt>
size_t FirstMatch(TextAt text, size_t size, PartAt part, size_t part_size) {
  std::vector<uint32_t> border(part_size);  // of each beginning of `part`, the longest end that is a beginning, too
  for (size_t i = 1, k = 0; i < part_size; ++i) {
    while (k > 0 && part(i) != part(k)) k = border[k - 1];
    k += part(i) == part(k);
    border[i] = static_cast<uint32_t>(k);
  }
  for (size_t i = 0, k = 0; i < size; ++i) {
    while (k > 0 && text(i) != part(k)) k = border[k - 1];
    k += text(i) == part(k);
    if (k == part_size) return i + 1 - part_size;
  }
  return std::string::npos;
}

constexpr size_t kShortPart = 16;  // up to here the library's search is fast enough on any text

}  // namespace

size_t JinjaFind(std::string_view text, std::string_view part, size_t from) {
  if (part.size() <= kShortPart || from > text.size()) return text.find(part, from);
  const size_t found = FirstMatch([&](size_t i) { return text[from + i]; }, text.size() - from, [&](size_t i) { return part[i]; }, part.size());
  return found == std::string::npos ? found : from + found;
}

size_t JinjaFindLast(std::string_view text, std::string_view part) {
  if (part.size() <= kShortPart) return text.rfind(part);
  const size_t found = FirstMatch([&](size_t i) { return text[text.size() - 1 - i]; }, text.size(),
                                  [&](size_t i) { return part[part.size() - 1 - i]; }, part.size());
  return found == std::string::npos ? found : text.size() - found - part.size();
}

std::string JinjaReplace(const std::string& text, const std::string& from, const std::string& to, int64_t count,
                         JinjaRuntime& rt) {
  std::string out;
  const auto append = [&](std::string_view piece) {
    rt.budget.Bytes(piece.size());
    out.append(piece);
  };
  rt.budget.Step(static_cast<int64_t>(text.size() / 32));
  if (from.empty()) {  // between all characters, as Python does
    size_t at = 0;
    while (count != 0) {
      append(to);
      --count;
      if (at >= text.size()) return out;
      const size_t size = DecodeUtf8(text, at).size;
      append(std::string_view(text).substr(at, size));
      at += size;
    }
    append(std::string_view(text).substr(at));
    return out;
  }
  size_t at = 0;
  for (; count != 0; --count) {
    const size_t found = JinjaFind(text, from, at);
    if (found == std::string::npos) break;
    append(std::string_view(text).substr(at, found - at));
    append(to);
    rt.budget.Step();
    at = found + from.size();
  }
  append(std::string_view(text).substr(at));
  return out;
}

std::vector<std::string> JinjaSplitLines(const std::string& text, bool keep_ends) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    const bool line_break = (c.value >= 0x0A && c.value <= 0x0D) || (c.value >= 0x1C && c.value <= 0x1E) ||
                            c.value == 0x85 || c.value == 0x2028 || c.value == 0x2029;
    size_t end = at + c.size;
    if (line_break) {
      if (c.value == '\r' && end < text.size() && text[end] == '\n') ++end;
      lines.push_back(text.substr(begin, (keep_ends ? end : at) - begin));
      begin = end;
    }
    at = end;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace pith
