// Filters over texts.
#include <algorithm>

#include "data/template/jinja_filters.h"
#include "data/template/jinja_lexer.h"
#include "data/template/jinja_markup.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using V = JinjaValue;
using A = JinjaArgs;
using R = JinjaRuntime;

V Indent(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("indent", {"width", "first", "blank"});
  std::string step(4, ' ');
  if (bound[0] != nullptr) {
    const int64_t width = bound[0]->IsString() ? 0 : JinjaToInt(*bound[0], "indent's width");
    if (width > 1000) ThrowJinja("pith indents by up to 1000 spaces, not ", width);
    step = bound[0]->IsString() ? bound[0]->AsString() : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool blank = JinjaFlag(bound[2], false);
  const std::vector<std::string> lines = JinjaSplitLines(JinjaToString(value, rt.budget) + "\n", false);
  std::string out = JinjaFlag(bound[1], false) ? step : "";
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
    out += JinjaUpper(word.substr(0, DecodeUtf8(word, 0).size)) + JinjaLower(word.substr(DecodeUtf8(word, 0).size));
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

// The first `count` code points.
std::string_view Head(std::string_view text, int64_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += DecodeUtf8(text, at).size;
  return text.substr(0, at);
}

V Truncate(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("truncate", {"length", "killwords", "end", "leeway"});
  const std::string text = JinjaToString(value, rt.budget);
  const int64_t length = bound[0] != nullptr ? JinjaToInt(*bound[0], "truncate's length") : 255;
  const std::string end = bound[2] != nullptr ? JinjaToString(*bound[2], rt.budget) : "...";
  const int64_t leeway = bound[3] != nullptr && !bound[3]->IsNone() ? JinjaToInt(*bound[3], "truncate's leeway") : 5;
  const auto end_size = static_cast<int64_t>(CountCodePoints(end));
  if (length < end_size || leeway < 0) ThrowJinja("truncate's length must hold its end, and its leeway must not be negative");
  const auto size = static_cast<int64_t>(CountCodePoints(text));
  if (size - leeway <= length) return rt.Text(text);
  std::string_view head = Head(text, length - end_size);
  if (!JinjaFlag(bound[1], false)) head = head.substr(0, head.rfind(' '));
  return rt.Text(std::string(head) + end);
}

V WordCount(const V& value, const A& args, R& rt) {
  args.Bind("wordcount", {});
  const std::string text = JinjaToString(value, rt.budget);
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    const bool word = c.value == '_' || (CategoryOf(c.value) & (kLetterMask | kNumberMask)) != 0;
    count += word && !inside;
    inside = word;
    at += c.size;
  }
  return V(count);
}

V UrlEncode(const V& value, const A& args, R& rt) {
  args.Bind("urlencode", {});
  if (!value.IsString() && !value.IsNumber()) ThrowJinja("pith lacks urlencode of '", value.TypeName(), "'");
  std::string out;
  for (const char c : JinjaToString(value, rt.budget)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-~/").find(c) != std::string_view::npos;
    constexpr char kHex[] = "0123456789ABCDEF";
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[c & 15]};
    }
  }
  return rt.Text(std::move(out));
}

V Escape(const V& v, const A& a, R& rt) { return a.Bind("escape", {}), JinjaToMarkup(v, rt); }

// Those that Python applies to the value as it is, so that markup stays markup.
V Soft(const V& v, const std::string& text, R& rt) { return JinjaMarkupLike(v, rt.Text(text), rt); }

}  // namespace

const JinjaFilterMap& JinjaTextFilters() {
  static const JinjaFilterMap filters = {
      {"e", Escape},
      {"escape", Escape},
      {"safe",
       [](const V& v, const A& a, R& rt) { return a.Bind("safe", {}), V::Markup(rt.Text(JinjaToString(v, rt.budget))); }},
      {"string",
       [](const V& v, const A& a, R& rt) { return a.Bind("string", {}), Soft(v, JinjaToString(v, rt.budget), rt); }},
      {"trim",
       [](const V& v, const A& a, R& rt) {
         return Soft(v, JinjaStrip(JinjaToString(v, rt.budget), a.Bind("trim", {"chars"})[0], JinjaStripSide::kBoth), rt);
       }},
      {"upper", [](const V& v, const A& a,
                   R& rt) { return a.Bind("upper", {}), Soft(v, JinjaUpper(JinjaToString(v, rt.budget)), rt); }},
      {"lower", [](const V& v, const A& a,
                   R& rt) { return a.Bind("lower", {}), Soft(v, JinjaLower(JinjaToString(v, rt.budget)), rt); }},
      {"capitalize",
       [](const V& v, const A& a, R& rt) {
         return a.Bind("capitalize", {}), Soft(v, JinjaCapitalize(JinjaToString(v, rt.budget)), rt);
       }},
      {"title", [](const V& v, const A& a,
                   R& rt) { return a.Bind("title", {}), rt.Text(TitleWords(JinjaToString(v, rt.budget))); }},
      {"replace",
       [](const V& v, const A& a, R& rt) {
         const auto bound = a.Bind("replace", {"old", "new", "count"});
         if (bound[0] == nullptr || bound[1] == nullptr) ThrowJinja("replace needs what to replace and by what");
         const int64_t count =
             bound[2] != nullptr && !bound[2]->IsNone() ? JinjaToInt(*bound[2], "replace's count") : -1;
         return V(JinjaReplace(JinjaToString(v, rt.budget), JinjaToString(*bound[0], rt.budget),
                               JinjaToString(*bound[1], rt.budget), count, rt));
       }},
      {"indent", Indent},
      {"truncate", Truncate},
      {"wordcount", WordCount},
      {"urlencode", UrlEncode},
      {"forceescape",
       [](const V& v, const A& a, R& rt) { return a.Bind("forceescape", {}), V::Markup(rt.Text(JinjaEscape(v, rt))); }},
      {"center",
       [](const V& v, const A& a, R& rt) {
         const auto bound = a.Bind("center", {"width"});
         JinjaArgs width;
         width.positional = {bound[0] != nullptr ? *bound[0] : V(int64_t{80})};
         return JinjaCallMethod(Soft(v, JinjaToString(v, rt.budget), rt), "center", width, rt);
       }},
      {"format", [](const V& v, const A& a,
                    R& rt) { return JinjaPercentFormat(Soft(v, JinjaToString(v, rt.budget), rt), a.positional, rt); }},
  };
  return filters;
}

}  // namespace pith
