// Filters over texts.
#include <algorithm>

#include "data/template/jinja_filters.h"
#include "data/template/jinja_formats.h"
#include "data/template/jinja_lexer.h"
#include "data/template/jinja_markup.h"
#include "data/template/python_characters.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

V Indent(const V& value, const B& a, R& rt) {
  if (value.IsUndefined()) ThrowJinja(value.UndefinedReason());
  if (!value.IsString()) ThrowJinja("indent needs a text, not '", value.TypeName(), "'");
  std::string step(4, ' ');
  if (a[0] != nullptr) {
    const int64_t width = a[0]->IsString() ? 0 : JinjaToInt(*a[0], "indent's width");
    if (width > 1000) ThrowJinja("pith lacks indents of ", width, " spaces, more than 1000");
    step = a[0]->IsString() ? a[0]->AsString() : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool blank = a.Flag(2);
  const std::vector<std::string> lines = JinjaSplitLines(value.AsString() + "\n", false);
  std::string out = a.Flag(1) ? step : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += step;
    out += lines[i];
    rt.budget.Bytes(step.size() + 1);
  }
  return JinjaMarkupLike(value, rt.Text(std::move(out)), rt);
}

std::string TitleWords(const std::string& text) {
  std::string out, word;
  const auto flush = [&] {
    out += PythonUpper(word.substr(0, DecodeUtf8(word, 0).size)) + PythonLower(word.substr(DecodeUtf8(word, 0).size));
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {  // a word begins after -, white space, or an opening bracket
    const CodePoint c = DecodeUtf8(text, at);
    const bool boundary = c.value == '-' || c.value == '(' || c.value == '{' || c.value == '[' || c.value == '<' ||
                          (c.value >= 0 && IsPythonSpace(c.value));
    if (boundary) flush();
    if (boundary) {
      out.append(text, at, c.size);
    } else {
      word.append(text, at, c.size);
    }
    at += c.size;
  }
  flush();
  return out;
}

V Truncate(const V& value, const B& a, R& rt) {
  const int64_t length = a[0] != nullptr ? JinjaToInt(*a[0], "truncate's length") : 255;
  const V end = a[2] != nullptr ? *a[2] : V("...");
  const int64_t leeway = a.NotNone(3) != nullptr ? JinjaToInt(*a[3], "truncate's leeway") : 5;
  if (length < JinjaLength(end) || leeway < 0) ThrowJinja("truncate's length must hold its end, and its leeway must not be negative");
  if (JinjaLength(value) - leeway <= length) return value;  // a list that is short enough, too
  if (!value.IsString() || !end.IsString()) ThrowJinja("truncate cannot shorten a '", value.TypeName(), "'");
  std::string head = JinjaFirstCodePoints(value.AsString(), length - JinjaLength(end));
  if (!a.Flag(1)) head.resize(std::min(head.rfind(' '), head.size()));
  return JinjaBinary("+", JinjaMarkupLike(value, rt.Text(std::move(head)), rt), end, rt);
}

V WordCount(const V& value, const B&, R& rt) {
  const std::string text = JinjaToString(value, rt.budget);
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    const bool word = c.value == '_' || IsPythonAlnum(c.value);
    count += word && !inside;
    inside = word;
    at += c.size;
  }
  return V(count);
}

std::string UrlQuoted(const std::string& text, bool in_query) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view(in_query ? "_.-~" : "_.-~/").find(c) != std::string_view::npos;
    constexpr char kHex[] = "0123456789ABCDEF";
    if (plain) {
      out += c;
    } else if (in_query && c == ' ') {
      out += '+';
    } else {
      out += {'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[c & 15]};
    }
  }
  return out;
}

// A text, or the pairs of a query.
V UrlEncode(const V& value, const B&, R& rt) {
  if (value.IsString() || !JinjaIsIterable(value)) return rt.Text(UrlQuoted(JinjaToString(value, rt.budget), false));
  std::string out;
  for (const V& pair : JinjaIterate(value.IsDict() ? JinjaCallMethod(value, "items", {}, rt) : value, rt.budget)) {
    const std::vector<V> parts = JinjaIterate(pair, rt.budget);
    if (parts.size() != 2) ThrowJinja("urlencode needs pairs, not ", parts.size(), " values");
    const std::string key = UrlQuoted(JinjaToString(parts[0], rt.budget), true), item = UrlQuoted(JinjaToString(parts[1], rt.budget), true);
    rt.budget.Bytes(key.size() + item.size() + 2);
    rt.budget.Size(out.size() + key.size() + item.size() + 2);
    out += (out.empty() ? "" : "&") + key + "=" + item;
  }
  return V(std::move(out));
}

// What autoescaping would make Markup stays a text, for it is off.
V XmlAttr(const V& value, const B& a, R& rt) {
  if (!value.IsDict()) ThrowJinja("xmlattr needs a dict, not '", value.TypeName(), "'");
  std::string out;
  for (const auto& [key, item] : value.Entries()) {
    if (item.IsNone() || item.IsUndefined()) continue;
    if (!key.IsString() || key.AsString().find_first_of(std::string_view(" \t\n\r\f\v/>=")) != std::string::npos) {
      ThrowJinja("xmlattr: ", JinjaRepr(key, rt.budget), " is no name of an attribute");
    }
    if (!out.empty()) out += ' ';
    out += JinjaToMarkup(key, rt).AsString() + "=\"" + JinjaToMarkup(item, rt).AsString() + "\"";
    rt.budget.Size(out.size());
  }
  const bool space = a[0] == nullptr || a[0]->Truthy();
  return rt.Text((space && !out.empty() ? " " : "") + out);
}

V Escape(const V& v, const B&, R& rt) { return JinjaToMarkup(v, rt); }

// str(value), or the markup that it is.
V Soft(const V& v, R& rt) { return v.IsString() ? v : rt.Text(JinjaToString(v, rt.budget)); }

template <std::string (*kMap)(std::string_view)>
V Mapped(const V& v, const B&, R& rt) {
  const V text = Soft(v, rt);
  return JinjaMarkupLike(text, rt.Text(kMap(text.AsString())), rt);
}

V Trim(const V& v, const B& a, R& rt) {
  const V text = Soft(v, rt);
  return JinjaMarkupLike(text, rt.Text(JinjaStrip(text.AsString(), a[0], JinjaStripSide::kBoth)), rt);
}

V Replace(const V& v, const B& a, R& rt) {
  const int64_t count = a.NotNone(2) != nullptr ? JinjaToInt(*a[2], "replace's count") : -1;
  return V(JinjaReplace(JinjaToString(v, rt.budget), JinjaToString(*a[0], rt.budget), JinjaToString(*a[1], rt.budget), count, rt));
}

V Center(const V& v, const B& a, R& rt) {
  return JinjaCallMethod(Soft(v, rt), "center", {{a[0] != nullptr ? *a[0] : V(int64_t{80})}, {}}, rt);
}

V Format(const V& v, const B& a, R& rt) {
  const JinjaArgs& args = *a.all;
  if (!args.positional.empty() && !args.named.empty()) ThrowJinja("format takes values by place or by name, not both");
  if (args.named.empty()) return JinjaPercentFormat(Soft(v, rt), rt.List(args.positional, true), rt);
  std::vector<std::pair<V, V>> named;
  for (const auto& [name, value] : args.named) named.emplace_back(V(name), value);
  return JinjaPercentFormat(Soft(v, rt), V::Dict(std::move(named)), rt);
}

}  // namespace

const JinjaFilterMap& JinjaTextFilters() {
  static const JinjaFilterMap filters = {
      {"capitalize", {"", Mapped<PythonCapitalize>}},
      {"center", {"width=", Center}},
      {"e", {"", Escape}},
      {"escape", {"", Escape}},
      {"forceescape", {"", [](const V& v, const B&, R& rt) { return V::Markup(rt.Text(JinjaEscape(v, rt))); }}},
      {"format", {"*", Format}},
      {"indent", {"width=, first=, blank=", Indent}},
      {"lower", {"", Mapped<PythonLower>}},
      {"replace", {"old, new, count=", Replace}},
      {"safe", {"", [](const V& v, const B&, R& rt) { return V::Markup(Soft(v, rt)); }}},
      {"string", {"", [](const V& v, const B&, R& rt) { return Soft(v, rt); }}},
      {"title", {"", [](const V& v, const B&, R& rt) { return rt.Text(TitleWords(JinjaToString(v, rt.budget))); }}},
      {"trim", {"chars=", Trim}},
      {"truncate", {"length=, killwords=, end=, leeway=", Truncate}},
      {"upper", {"", Mapped<PythonUpper>}},
      {"urlencode", {"", UrlEncode}},
      {"wordcount", {"", WordCount}},
      {"xmlattr", {"autospace=", XmlAttr}},
  };
  return filters;
}

}  // namespace pith
