#include "data/template/jinja_text_pieces.h"

#include <utf8proc.h>

#include <algorithm>

#include "data/template/jinja_lexer.h"
#include "data/text/utf8.h"

namespace pith::jinja_text {

const std::string& TextArg(const JinjaValue* value, const char* method) {
  if (value == nullptr || !value->IsString()) {
    ThrowJinja(method, " needs a string, not ", value == nullptr ? "nothing" : "'" + value->TypeName() + "'");
  }
  return value->AsString();
}
int64_t IntArg(const JinjaValue* value, int64_t missing, const char* method) {
  return value == nullptr || value->IsNone() ? missing : JinjaToInt(*value, method);
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
  if (separator == nullptr || separator->IsNone()) {
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

bool StartsOrEnds(const std::string& text, const JinjaValue* with, bool starts) {
  const auto one = [&](const JinjaValue& value) {
    const std::string& part = TextArg(&value, starts ? "startswith" : "endswith");
    return starts ? text.starts_with(part) : text.ends_with(part);
  };
  if (with != nullptr && with->IsTuple()) return std::any_of(with->Items().begin(), with->Items().end(), one);
  return one(with != nullptr ? *with : JinjaValue());
}

bool All(const std::string& text, bool (*passes)(int32_t)) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value < 0 || !passes(c.value)) return false;
    at += c.size;
  }
  return !text.empty();
}
bool IsAlpha(int32_t c) {
  const auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool IsNumeric(int32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_ND; }

bool IsCased(const std::string& text, bool upper) {
  return (upper ? JinjaUpper(text) : JinjaLower(text)) == text && JinjaUpper(text) != JinjaLower(text);
}

std::string_view Bounded(const std::string& text, const JinjaValue* start, const JinjaValue* end, int64_t* skipped, JinjaRuntime& rt) {
  rt.budget.Step(static_cast<int64_t>(text.size() / 32));
  *skipped = 0;
  if (start == nullptr && end == nullptr) return text;
  const auto count = static_cast<int64_t>(CountCodePoints(text));
  const auto clamp = [&](const JinjaValue* value, int64_t missing) {
    int64_t at = IntArg(value, missing, "find");
    if (at < 0) at += count;
    return std::clamp<int64_t>(at, 0, count);
  };
  const int64_t from = clamp(start, 0), to = clamp(end, count);
  const auto offset = [&](int64_t points) {
    size_t at = 0;
    for (; points > 0; --points) at += DecodeUtf8(text, at).size;
    return at;
  };
  *skipped = from;
  if (to <= from) return std::string_view(text).substr(0, 0);
  return std::string_view(text).substr(offset(from), offset(to) - offset(from));
}

int64_t FindIn(const std::string& text, const std::string& part, const Bound& args, bool from_right, JinjaRuntime& rt) {
  int64_t skipped = 0;
  const std::string_view within = Bounded(text, args[1], args[2], &skipped, rt);
  if (part.empty() && skipped > static_cast<int64_t>(CountCodePoints(text))) return -1;
  const size_t found = from_right ? JinjaFindLast(within, part) : JinjaFind(within, part);
  return found == std::string::npos ? -1 : skipped + static_cast<int64_t>(CountCodePoints(within.substr(0, found)));
}

std::string Padded(const std::string& text, const Bound& args, const char* method, JinjaRuntime& rt) {
  const int64_t width = IntArg(args[0], 0, method);
  const std::string fill = args[1] != nullptr ? TextArg(args[1], method) : " ";
  if (CountCodePoints(fill) != 1) ThrowJinja(method, " fills with one character, not '", fill, "'");
  const int64_t missing = width - static_cast<int64_t>(CountCodePoints(text));
  if (missing <= 0) return text;
  if (missing > static_cast<int64_t>(JinjaBudget::kMaxTextBytes)) ThrowJinja("'", method, "' to a width of ", width, " is more than pith allows");
  rt.budget.Bytes(static_cast<size_t>(missing) * fill.size());
  const std::string_view name = method;
  const int64_t left = name == "ljust" ? 0 : name == "rjust" ? missing : missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < missing; ++i) out += fill;
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

std::string SwapCase(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const std::string one = text.substr(at, DecodeUtf8(text, at).size);
    out += JinjaLower(one) != one ? JinjaLower(one) : JinjaUpper(one);
    at += one.size();
  }
  return out;
}

std::string Title(const std::string& text) {
  std::string out;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value < 0) {
      out += text[at];
    } else {
      AppendUtf8(out, inside ? utf8proc_tolower(c.value) : utf8proc_totitle(c.value));
      inside = IsAlpha(c.value);
    }
    at += c.size;
  }
  return out;
}

}  // namespace pith::jinja_text
