#include "data/template/jinja_text_pieces.h"

#include <algorithm>

#include "data/template/jinja_lexer.h"
#include "data/text/utf8.h"

namespace pith::jinja_text {

const std::string& TextArg(const JinjaValue* value, const char* method) {
  if (value == nullptr || !value->IsString()) {
    ThrowJinja(method, " needs a string, not '", value == nullptr ? "nothing" : value->TypeName(), "'");
  }
  return value->AsString();
}
JinjaValue TextList(const std::vector<std::string>& parts, JinjaRuntime& rt) {
  std::vector<JinjaValue> items;
  for (const std::string& part : parts) items.push_back(rt.Text(part));
  return rt.List(std::move(items));
}

JinjaValue Split(const std::string& text, const JinjaValue* separator, int64_t limit, bool from_right,
                 JinjaRuntime& rt) {
  std::vector<std::string> parts;
  std::string_view rest = text;
  if (separator == nullptr) {
    if (from_right) {
      for (rest = StripRight(rest); !rest.empty(); rest = StripRight(rest)) {
        size_t begin = rest.size();
        while (begin > 0 && limit != 0 && StripRight(rest.substr(0, begin)).size() == begin) --begin;
        if (limit == 0) begin = 0;
        parts.emplace_back(limit == 0 ? rest : rest.substr(begin));
        rest = rest.substr(0, begin);
        --limit;
        rt.budget.Step();
      }
      std::reverse(parts.begin(), parts.end());
      return TextList(parts, rt);
    }
    for (rest = StripLeft(rest); !rest.empty(); rest = StripLeft(rest), --limit) {
      size_t end = 0;
      while (limit != 0 && end < rest.size()) {
        const CodePoint c = DecodeUtf8(rest, end);
        if (c.value >= 0 && IsPythonSpace(c.value)) break;
        end += c.size;
      }
      if (limit == 0) {
        parts.emplace_back(rest);
        break;
      }
      parts.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
      rt.budget.Step();
    }
    return TextList(parts, rt);
  }
  const std::string& by = TextArg(separator, "split");
  if (by.empty()) ThrowJinja("split needs a separator that is not empty");
  for (; limit != 0; --limit) {
    rt.budget.Step();
    const size_t found = from_right ? JinjaFindLast(rest, by) : JinjaFind(rest, by);
    if (found == std::string_view::npos) break;
    parts.emplace_back(from_right ? rest.substr(found + by.size()) : rest.substr(0, found));
    rest = from_right ? rest.substr(0, found) : rest.substr(found + by.size());
  }
  parts.emplace_back(rest);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return TextList(parts, rt);
}

std::optional<TextPart> Bounded(const std::string& text, const JinjaValue* start, const JinjaValue* end, JinjaRuntime& rt) {
  rt.budget.Step(static_cast<int64_t>(text.size() / 32));
  const auto given = [](const JinjaValue* value) { return value != nullptr && !value->IsNone(); };
  if (!given(start) && !given(end)) return TextPart{text, 0};
  const auto count = static_cast<int64_t>(CountCodePoints(text));
  const auto place = [&](const JinjaValue* value, int64_t missing) {
    int64_t at = given(value) ? JinjaToInt(*value, "a place in a text") : missing;
    if (at < 0) at = std::max<int64_t>(at + count, 0);
    return at;
  };
  const int64_t from = place(start, 0), to = std::min(place(end, count), count);
  if (from > to) return std::nullopt;
  const auto offset = [&](int64_t points) {
    size_t at = 0;
    for (; points > 0; --points) at += DecodeUtf8(text, at).size;
    return at;
  };
  const size_t begin = offset(from);
  return TextPart{std::string_view(text).substr(begin, offset(to) - begin), from};
}

bool StartsOrEnds(const std::string& text, const JinjaValue& with, const JinjaValue* start, const JinjaValue* end, bool starts, JinjaRuntime& rt) {
  const auto within = Bounded(text, start, end, rt);
  const auto one = [&](const JinjaValue& value) {
    const std::string& part = TextArg(&value, starts ? "startswith" : "endswith");
    return within && (starts ? within->text.starts_with(part) : within->text.ends_with(part));
  };
  return with.IsTuple() ? std::any_of(with.Items().begin(), with.Items().end(), one) : one(with);
}

int64_t FindIn(const std::string& text, const std::string& part, const JinjaValue* start, const JinjaValue* end, bool from_right, JinjaRuntime& rt) {
  const auto within = Bounded(text, start, end, rt);
  if (!within) return -1;
  const size_t found = from_right ? JinjaFindLast(within->text, part) : JinjaFind(within->text, part);
  return found == std::string::npos ? -1 : within->first + static_cast<int64_t>(CountCodePoints(within->text.substr(0, found)));
}

std::string Padded(const std::string& text, int64_t width, const std::string& fill, Side side, JinjaRuntime& rt) {
  if (CountCodePoints(fill) != 1) ThrowJinja("a text is filled with one character, not '", fill, "'");
  const int64_t missing = width - static_cast<int64_t>(CountCodePoints(text));
  if (missing <= 0) return text;
  if (missing > static_cast<int64_t>(JinjaBudget::kMaxTextBytes)) ThrowJinja("filling a text to a width of ", width, " is more than pith allows");
  rt.budget.Bytes(static_cast<size_t>(missing) * fill.size());
  const int64_t left = side == Side::kRight ? 0 : side == Side::kLeft ? missing : missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < missing; ++i) out += fill;
  return out;
}

std::string ExpandTabs(const std::string& text, int64_t size, JinjaRuntime& rt) {
  std::string out;
  int64_t column = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      rt.budget.Size(out.size() + static_cast<size_t>(spaces));
      rt.budget.Bytes(static_cast<size_t>(spaces));
      out.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
    } else {
      out.append(text, at, c.size);
      column = c.value == '\n' || c.value == '\r' ? 0 : column + 1;
    }
    at += c.size;
  }
  return out;
}

JinjaValue Partition(const std::string& text, const std::string& by, bool from_right, JinjaRuntime& rt) {
  if (by.empty()) ThrowJinja("partition needs a separator that is not empty");
  const size_t found = from_right ? JinjaFindLast(text, by) : JinjaFind(text, by);
  std::vector<std::string> parts = {text, "", ""};
  if (found == std::string::npos && from_right) parts = {"", "", text};
  if (found != std::string::npos) parts = {text.substr(0, found), by, text.substr(found + by.size())};
  std::vector<JinjaValue> items;
  for (std::string& part : parts) items.push_back(rt.Text(std::move(part)));
  return rt.List(std::move(items), true);
}

}  // namespace pith::jinja_text
