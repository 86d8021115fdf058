// The filters, and the table that names them. Longer than usual: many small functions that share their argument reading.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "data/template/jinja_lexer.h"
#include "data/template/jinja_runtime.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using V = JinjaValue;
using A = JinjaArgs;
using R = JinjaRuntime;
using Filter = V (*)(const V&, const A&, R&);

bool Flag(const V* value, bool missing) { return value == nullptr ? missing : value->Truthy(); }

// "a.b.0" looked up step by step; an integer is an index. `missing`, where given, stands in for each undefined step.
V Lookup(const V& item, const V& path, R& rt, const V* missing = nullptr) {
  const auto step = [&](const V& from, const V& key) {
    V found = JinjaItem(from, key, rt);
    return found.IsUndefined() && missing != nullptr ? *missing : found;
  };
  if (!path.IsString()) return step(item, path);
  V found = item;
  const std::string& text = path.AsString();
  for (size_t at = 0; at <= text.size();) {
    const size_t dot = std::min(text.find('.', at), text.size());
    const std::string part = text.substr(at, dot - at);
    int64_t index = 0;
    const auto end = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = !part.empty() && end.ptr == part.data() + part.size() && part[0] != '-';
    found = step(found, number ? V(index) : V(part));
    at = dot + 1;
  }
  return found;
}

V Folded(const V& value, bool case_sensitive) {
  return !case_sensitive && value.IsString() ? V(JinjaLower(value.AsString())) : value;
}

std::vector<V> Sorted(std::vector<V> items, const V* attribute, bool case_sensitive, bool reverse, R& rt) {
  std::vector<std::pair<V, V>> keyed;
  for (V& item : items) {
    V key = attribute != nullptr && !attribute->IsNone() ? Lookup(item, *attribute, rt) : item;
    keyed.emplace_back(Folded(key, case_sensitive), item);
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? JinjaOrder(b.first, a.first, rt.budget) < 0 : JinjaOrder(a.first, b.first, rt.budget) < 0;
  });
  for (size_t i = 0; i < items.size(); ++i) items[i] = keyed[i].second;
  return items;
}

// Items whose test (by name; truth when none) comes out as `keep`.
V Select(const V& value, const A& args, bool by_attribute, bool keep, R& rt, const char* name) {
  if (by_attribute && args.positional.empty()) ThrowJinja("'", name, "' needs an attribute");
  const size_t test_at = by_attribute ? 1 : 0;
  std::vector<V> kept;
  for (const V& item : JinjaIterate(value, rt.budget)) {
    const V subject = by_attribute ? Lookup(item, args.positional[0], rt) : item;
    bool passes = subject.Truthy();
    if (args.positional.size() > test_at) {
      const V& test = args.positional[test_at];
      if (!test.IsString()) ThrowJinja("'", name, "' needs the name of a test");
      passes = JinjaTest(test.AsString(), subject, args.Without(test_at + 1), rt);
    }
    if (passes == keep) kept.push_back(item);
  }
  return rt.Generator(std::move(kept));
}

V Map(const V& value, const A& args, R& rt) {
  std::vector<V> out;
  const V *attribute = nullptr, *missing = nullptr;
  for (const auto& [name, named] : args.named) {
    if (name == "attribute") attribute = &named;
    if (name == "default") missing = &named;
  }
  if (args.positional.empty() && attribute == nullptr) ThrowJinja("'map' needs a filter or an attribute");
  for (const V& item : JinjaIterate(value, rt.budget)) {
    if (args.positional.empty()) {
      out.push_back(Lookup(item, *attribute, rt, missing));
    } else {
      if (!args.positional[0].IsString()) ThrowJinja("'map' needs the name of a filter");
      out.push_back(JinjaFilter(args.positional[0].AsString(), item, args.Without(1), rt));
    }
  }
  return rt.Generator(std::move(out));
}

V Join(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("join", {"d", "attribute"});
  const std::string separator = bound[0] != nullptr ? JinjaToString(*bound[0], rt.budget) : "";
  std::string out;
  bool first = true;
  for (const V& item : JinjaIterate(value, rt.budget)) {
    if (!first) out += separator;
    first = false;
    rt.budget.Bytes(separator.size());
    out += JinjaToString(bound[1] != nullptr && !bound[1]->IsNone() ? Lookup(item, *bound[1], rt) : item, rt.budget);
  }
  return V(std::move(out));
}

V ToJson(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  const V* indent = bound[1] != nullptr && !bound[1]->IsNone() ? bound[1] : nullptr;
  std::string step, item_separator = indent != nullptr ? "," : ", ", key_separator = ": ";
  if (indent != nullptr) {
    step =
        indent->IsString()
            ? indent->AsString()
            : std::string(static_cast<size_t>(std::clamp<int64_t>(JinjaToInt(*indent, "tojson's indent"), 0, 64)), ' ');
  }
  if (bound[2] != nullptr && !bound[2]->IsNone()) {
    if (!bound[2]->IsList() || bound[2]->Items().size() != 2 || !bound[2]->Items()[0].IsString() ||
        !bound[2]->Items()[1].IsString()) {
      ThrowJinja("tojson's separators must be two strings");
    }
    item_separator = bound[2]->Items()[0].AsString();
    key_separator = bound[2]->Items()[1].AsString();
  }
  return V(JinjaToJson(value, Flag(bound[0], false), indent != nullptr ? &step : nullptr, item_separator, key_separator,
                       Flag(bound[3], false), rt));
}

V Indent(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("indent", {"width", "first", "blank"});
  std::string step(4, ' ');
  if (bound[0] != nullptr) {
    step = bound[0]->IsString()
               ? bound[0]->AsString()
               : std::string(static_cast<size_t>(std::clamp<int64_t>(JinjaToInt(*bound[0], "indent's width"), 0, 1000)),
                             ' ');
  }
  const bool blank = Flag(bound[2], false);
  const std::vector<std::string> lines = JinjaSplitLines(JinjaToString(value, rt.budget) + "\n", false);
  std::string out = Flag(bound[1], false) ? step : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += step;
    out += lines[i];
    rt.budget.Bytes(step.size() + 1);
  }
  return rt.Text(std::move(out));
}

bool ParseFloat(const std::string& text, double* value) {
  std::string trimmed = JinjaStrip(text, nullptr, JinjaStripSide::kBoth);
  if (!trimmed.empty() && trimmed[0] == '+') trimmed.erase(0, 1);
  const auto end = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), *value);
  return end.ec == std::errc() && end.ptr == trimmed.data() + trimmed.size() && !trimmed.empty();
}

V ToInt(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("int", {"default"});
  double number = 0;
  if (value.IsInt() || value.IsBool()) return V(value.AsInt());
  if (value.IsFloat()) {
    number = value.AsDouble();
  } else if (!value.IsString() || !ParseFloat(value.AsString(), &number)) {
    return bound[0] != nullptr ? *bound[0] : V(int64_t{0});
  }
  if (!(std::fabs(number) < 9.2e18)) return bound[0] != nullptr ? *bound[0] : V(int64_t{0});
  return V(static_cast<int64_t>(number));
}

V ToFloat(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("float", {"default"});
  double number = 0;
  if (value.IsNumber()) return V(value.AsDouble());
  if (value.IsString() && ParseFloat(value.AsString(), &number)) return V(number);
  return bound[0] != nullptr ? *bound[0] : V(0.0);
}

V Round(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("round", {"precision", "method"});
  if (!value.IsNumber()) ThrowJinja("'", value.TypeName(), "' cannot be rounded");
  const int64_t digits = bound[0] != nullptr ? JinjaToInt(*bound[0], "round's precision") : 0;
  const std::string method = bound[1] != nullptr ? JinjaToString(*bound[1], rt.budget) : "common";
  if (digits < 0 || digits > 15) ThrowJinja("pith rounds to 0 to 15 digits, not ", digits);
  if (method == "common") {
    if (!value.IsFloat()) return V(value.AsInt());
    char buffer[400];  // the exact decimal expansion, rounded half to even, as Python's round()
    std::snprintf(buffer, sizeof(buffer), "%.*f", static_cast<int>(digits), value.AsDouble());
    return V(std::strtod(buffer, nullptr));
  }
  if (method != "ceil" && method != "floor")
    ThrowJinja("round's method must be common, ceil or floor, not '", method, "'");
  const double scale = std::pow(10.0, static_cast<double>(digits)), scaled = value.AsDouble() * scale;
  return V((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

V DictSort(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("dictsort", {"case_sensitive", "by", "reverse"});
  if (!value.IsDict()) ThrowJinja("dictsort needs a dict, not '", value.TypeName(), "'");
  const std::string by = bound[1] != nullptr ? JinjaToString(*bound[1], rt.budget) : "key";
  if (by != "key" && by != "value") ThrowJinja("dictsort sorts by 'key' or 'value', not '", by, "'");
  std::vector<V> items;
  for (const auto& [key, item] : value.Entries()) items.push_back(rt.List({key, item}, true));
  const V index(int64_t{by == "value"});
  return rt.List(Sorted(std::move(items), &index, Flag(bound[0], false), Flag(bound[2], false), rt));
}

V GroupBy(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("groupby", {"attribute", "default", "case_sensitive"});
  if (bound[0] == nullptr) ThrowJinja("groupby needs an attribute");
  if (bound[1] != nullptr || bound[2] != nullptr) ThrowJinja("pith lacks groupby's 'default' and 'case_sensitive'");
  std::vector<V> groups, members;
  V key;
  const auto close = [&] {
    if (!members.empty()) groups.push_back(rt.List({key, rt.List(std::move(members))}, true));
    members.clear();
  };
  for (const V& item : Sorted(JinjaIterate(value, rt.budget), bound[0], false, false, rt)) {
    const V now = Lookup(item, *bound[0], rt);
    if (!members.empty() && !JinjaEqual(Folded(now, false), Folded(key, false), rt.budget)) close();
    if (members.empty()) key = now;
    members.push_back(item);
  }
  close();
  return rt.List(std::move(groups));
}

V Extreme(const V& value, const A& args, bool largest, R& rt) {
  const auto bound = args.Bind(largest ? "max" : "min", {"case_sensitive", "attribute"});
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  if (items.empty()) return V::Undefined("the extreme of no items");
  const auto key = [&](const V& item) {
    return Folded(bound[1] != nullptr ? Lookup(item, *bound[1], rt) : item, Flag(bound[0], false));
  };
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    const int order = JinjaOrder(key(items[i]), key(items[best]), rt.budget);
    if (largest ? order > 0 : order < 0) best = i;
  }
  return items[best];
}

V Sum(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("sum", {"attribute", "start"});
  V total = bound[1] != nullptr ? *bound[1] : V(int64_t{0});
  for (const V& item : JinjaIterate(value, rt.budget)) {
    total =
        JinjaBinary("+", total, bound[0] != nullptr && !bound[0]->IsNone() ? Lookup(item, *bound[0], rt) : item, rt);
  }
  return total;
}

V Unique(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("unique", {"case_sensitive", "attribute"});
  std::vector<V> keys, kept;
  for (const V& item : JinjaIterate(value, rt.budget)) {
    const V key =
        Folded(bound[1] != nullptr && !bound[1]->IsNone() ? Lookup(item, *bound[1], rt) : item, Flag(bound[0], false));
    if (std::any_of(keys.begin(), keys.end(), [&](const V& have) { return JinjaEqual(have, key, rt.budget); }))
      continue;
    keys.push_back(key);
    kept.push_back(item);
  }
  return rt.Generator(std::move(kept));
}

V Batch(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("batch", {"linecount", "fill_with"});
  const int64_t size = bound[0] != nullptr ? JinjaToInt(*bound[0], "batch's size") : 0;
  if (size <= 0 || size > 100000) ThrowJinja("batch needs a size from 1 to 100000");
  std::vector<V> out, row;
  for (const V& item : JinjaIterate(value, rt.budget)) {
    row.push_back(item);
    if (static_cast<int64_t>(row.size()) == size) out.push_back(rt.List(std::exchange(row, {})));
  }
  if (!row.empty()) {
    while (bound[1] != nullptr && !bound[1]->IsNone() && static_cast<int64_t>(row.size()) < size)
      row.push_back(*bound[1]);
    out.push_back(rt.List(std::move(row)));
  }
  return rt.Generator(std::move(out));
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

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

V Slice(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("slice", {"slices", "fill_with"});
  const int64_t slices = bound[0] != nullptr ? JinjaToInt(*bound[0], "slice's number") : 0;
  if (slices <= 0 || slices > 100000) ThrowJinja("slice needs a number from 1 to 100000");
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  const auto count = static_cast<int64_t>(items.size());
  const int64_t each = count / slices, with_extra = count % slices;
  std::vector<V> out;
  for (int64_t i = 0, at = 0; i < slices; ++i) {
    const int64_t size = each + (i < with_extra);
    std::vector<V> part(items.begin() + at, items.begin() + at + size);
    if (bound[1] != nullptr && !bound[1]->IsNone() && i >= with_extra) part.push_back(*bound[1]);
    out.push_back(rt.List(std::move(part)));
    at += size;
  }
  return rt.Generator(std::move(out));
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
  if (!Flag(bound[1], false)) head = head.substr(0, head.rfind(' '));
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

V First(const V& value, R& rt, bool last, const char* name) {
  if (last && value.As<JinjaGenerator>() != nullptr) ThrowJinja("a generator has no last item; make it a list first");
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  if (items.empty()) return V::Undefined(Str("the ", name, " of no items"));
  return last ? items.back() : items.front();
}

V Length(const V& v, const A& a, R&) { return a.Bind("length", {}), V(JinjaLength(v)); }
V Default(const V& v, const A& a, R&) {
  const auto bound = a.Bind("default", {"default_value", "boolean"});
  return v.IsUndefined() || (Flag(bound[1], false) && !v.Truthy()) ? (bound[0] != nullptr ? *bound[0] : V("")) : v;
}
V EscapeFilter(const V& v, const A& a, R& rt) {
  return a.Bind("escape", {}), rt.Text(Escaped(JinjaToString(v, rt.budget)));
}

const std::map<std::string, Filter, std::less<>>& Filters() {
  static const std::map<std::string, Filter, std::less<>> filters = {
      {"length", Length},
      {"count", Length},
      {"default", Default},
      {"d", Default},
      {"e", EscapeFilter},
      {"escape", EscapeFilter},
      {"safe", [](const V& v, const A& a, R& rt) { return a.Bind("safe", {}), rt.Text(JinjaToString(v, rt.budget)); }},
      {"string",
       [](const V& v, const A& a, R& rt) { return a.Bind("string", {}), rt.Text(JinjaToString(v, rt.budget)); }},
      {"trim",
       [](const V& v, const A& a, R& rt) {
         return rt.Text(JinjaStrip(JinjaToString(v, rt.budget), a.Bind("trim", {"chars"})[0], JinjaStripSide::kBoth));
       }},
      {"upper", [](const V& v, const A& a,
                   R& rt) { return a.Bind("upper", {}), rt.Text(JinjaUpper(JinjaToString(v, rt.budget))); }},
      {"lower", [](const V& v, const A& a,
                   R& rt) { return a.Bind("lower", {}), rt.Text(JinjaLower(JinjaToString(v, rt.budget))); }},
      {"capitalize",
       [](const V& v, const A& a, R& rt) {
         return a.Bind("capitalize", {}), rt.Text(JinjaCapitalize(JinjaToString(v, rt.budget)));
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
      {"join", Join},
      {"tojson", ToJson},
      {"indent", Indent},
      {"int", ToInt},
      {"float", ToFloat},
      {"round", Round},
      {"abs",
       [](const V& v, const A& a, R& rt) {
         a.Bind("abs", {});
         if (!v.IsNumber()) ThrowJinja("'", v.TypeName(), "' has no absolute value");
         if (v.IsFloat()) return V(std::fabs(v.AsDouble()));
         return v.AsInt() < 0 ? JinjaBinary("-", V(int64_t{0}), v, rt) : V(v.AsInt());
       }},
      {"first", [](const V& v, const A& a, R& rt) { return a.Bind("first", {}), First(v, rt, false, "first"); }},
      {"last", [](const V& v, const A& a, R& rt) { return a.Bind("last", {}), First(v, rt, true, "last"); }},
      {"list", [](const V& v, const A& a, R& rt) { return a.Bind("list", {}), rt.List(JinjaIterate(v, rt.budget)); }},
      {"items",
       [](const V& v, const A& a, R& rt) {
         a.Bind("items", {});
         if (v.IsUndefined()) return rt.Generator({});
         if (!v.IsDict()) ThrowJinja("items needs a dict, not '", v.TypeName(), "'");
         return rt.Generator(JinjaCallMethod(v, "items", {}, rt).Items());
       }},
      {"reverse",
       [](const V& v, const A& a, R& rt) {
         a.Bind("reverse", {});
         std::vector<V> items = JinjaIterate(v, rt.budget);
         std::reverse(items.begin(), items.end());
         if (v.As<JinjaGenerator>() != nullptr) return rt.List(std::move(items));
         if (!v.IsString()) return rt.Generator(std::move(items));
         std::string text;
         for (const V& item : items) text += item.AsString();
         return rt.Text(std::move(text));
       }},
      {"sort",
       [](const V& v, const A& a, R& rt) {
         const auto bound = a.Bind("sort", {"reverse", "case_sensitive", "attribute"});
         return rt.List(Sorted(JinjaIterate(v, rt.budget), bound[2], Flag(bound[1], false), Flag(bound[0], false), rt));
       }},
      {"dictsort", DictSort},
      {"groupby", GroupBy},
      {"unique", Unique},
      {"batch", Batch},
      {"slice", Slice},
      {"truncate", Truncate},
      {"wordcount", WordCount},
      {"urlencode", UrlEncode},
      {"forceescape", EscapeFilter},
      {"center",
       [](const V& v, const A& a, R& rt) {
         const auto bound = a.Bind("center", {"width"});
         JinjaArgs width;
         width.positional = {bound[0] != nullptr ? *bound[0] : V(int64_t{80})};
         return JinjaCallMethod(V(JinjaToString(v, rt.budget)), "center", width, rt);
       }},
      {"sum", Sum},
      {"min", [](const V& v, const A& a, R& rt) { return Extreme(v, a, false, rt); }},
      {"max", [](const V& v, const A& a, R& rt) { return Extreme(v, a, true, rt); }},
      {"map", Map},
      {"select", [](const V& v, const A& a, R& rt) { return Select(v, a, false, true, rt, "select"); }},
      {"reject", [](const V& v, const A& a, R& rt) { return Select(v, a, false, false, rt, "reject"); }},
      {"selectattr", [](const V& v, const A& a, R& rt) { return Select(v, a, true, true, rt, "selectattr"); }},
      {"rejectattr", [](const V& v, const A& a, R& rt) { return Select(v, a, true, false, rt, "rejectattr"); }},
      {"attr",
       [](const V& v, const A& a, R& rt) {
         const auto bound = a.Bind("attr", {"name"});
         if (bound[0] == nullptr || !bound[0]->IsString()) ThrowJinja("attr needs a name");
         return v.IsDict() && !JinjaHasMethod(v, bound[0]->AsString()) ? V::Undefined(bound[0]->AsString())
                                                                       : JinjaAttribute(v, bound[0]->AsString(), rt);
       }},
      {"format", [](const V& v, const A& a,
                    R& rt) { return V(JinjaPercentFormat(JinjaToString(v, rt.budget), a.positional, rt)); }},
  };
  return filters;
}

}  // namespace

bool JinjaHasFilter(std::string_view name) { return Filters().count(name) != 0; }

JinjaValue JinjaFilter(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step();
  const auto found = Filters().find(name);
  if (found == Filters().end()) ThrowJinja("pith lacks the filter '", name, "'");
  return found->second(value, args, rt);
}

}  // namespace pith
