// Methods of strings, dictionaries, lists and loops: those of Python that a sandboxed template may call.
// Longer than usual: one table entry per method.
#include <utf8proc.h>

#include <algorithm>
#include <functional>
#include <map>

#include "data/template/jinja_lexer.h"
#include "data/template/jinja_runtime.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using Bound = std::vector<const JinjaValue*>;

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
    const size_t found = from_right ? rest.rfind(by) : rest.find(by);
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

// True when the text is not empty and every code point passes.
template <class Passes>
bool All(const std::string& text, Passes passes) {
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

// The part of `text` that Python's text[start:end] is, and where in `text` it begins, in code points.
std::string_view Bounded(const std::string& text, const JinjaValue* start, const JinjaValue* end, int64_t* skipped, JinjaRuntime& rt) {
  rt.budget.Step(static_cast<int64_t>(text.size() / 64));
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
  const size_t found = from_right ? within.rfind(part) : within.find(part);
  return found == std::string::npos ? -1 : skipped + static_cast<int64_t>(CountCodePoints(within.substr(0, found)));
}

std::string Padded(const std::string& text, const Bound& args, const char* method, JinjaRuntime& rt) {
  const int64_t width = IntArg(args[0], 0, method);
  const std::string fill = args[1] != nullptr ? TextArg(args[1], method) : " ";
  if (CountCodePoints(fill) != 1) ThrowJinja(method, " fills with one character, not '", fill, "'");
  const int64_t missing = width - static_cast<int64_t>(CountCodePoints(text));
  if (missing <= 0) return text;
  if (missing > JinjaBudget::kMaxBytes) ThrowJinja("'", method, "' to a width of ", width, " is more than pith allows");
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
  const size_t found = from_right ? text.rfind(by) : text.find(by);
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

// str.format with {} and {0} and {name}; no format specifications.
std::string Format(const std::string& format, const JinjaArgs& args, JinjaRuntime& rt) {
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      out += c;
      ++i;
    } else if (c == '{') {
      const size_t end = format.find('}', i);
      if (end == std::string::npos) ThrowJinja("a format has '{' without '}'");
      const std::string field = format.substr(i + 1, end - i - 1);
      i = end;
      const JinjaValue* value = nullptr;
      if (field.find_first_not_of("0123456789") == std::string::npos && field.size() < 6) {
        const size_t index = field.empty() ? next++ : static_cast<size_t>(std::stoul(field));
        if (index < args.positional.size()) value = &args.positional[index];
      } else {
        for (const auto& [name, named] : args.named) {
          if (name == field) value = &named;
        }
      }
      if (value == nullptr) ThrowJinja("pith cannot fill the place '{", field, "}' of a format");
      out += JinjaToString(*value, rt.budget);
    } else if (c == '}') {
      ThrowJinja("a format has '}' without '{'");
    } else {
      out += c;
    }
    rt.budget.Bytes(1);
  }
  return out;
}

using StringMethod = std::function<JinjaValue(const std::string&, const JinjaArgs&, JinjaRuntime&)>;

template <class Body>
StringMethod Method(const char* name, std::initializer_list<const char*> parameters, Body body) {
  return [name, list = std::vector<const char*>(parameters), body](const std::string& self, const JinjaArgs& args,
                                                                   JinjaRuntime& rt) {
    Bound bound;
    switch (list.size()) {
      case 0: bound = args.Bind(name, {}); break;
      case 1: bound = args.Bind(name, {list[0]}); break;
      case 2: bound = args.Bind(name, {list[0], list[1]}); break;
      default: bound = args.Bind(name, {list[0], list[1], list[2]}); break;
    }
    return body(self, bound, rt);
  };
}

const std::map<std::string, StringMethod, std::less<>>& StringMethods() {
  using S = std::string;
  using R = JinjaRuntime;
  static const std::map<std::string, StringMethod, std::less<>> methods = {
      {"strip",
       Method("strip", {"chars"},
              [](const S& s, const Bound& a, R& rt) { return rt.Text(JinjaStrip(s, a[0], JinjaStripSide::kBoth)); })},
      {"lstrip",
       Method("lstrip", {"chars"},
              [](const S& s, const Bound& a, R& rt) { return rt.Text(JinjaStrip(s, a[0], JinjaStripSide::kLeft)); })},
      {"rstrip",
       Method("rstrip", {"chars"},
              [](const S& s, const Bound& a, R& rt) { return rt.Text(JinjaStrip(s, a[0], JinjaStripSide::kRight)); })},
      {"split",
       Method("split", {"sep", "maxsplit"},
              [](const S& s, const Bound& a, R& rt) { return Split(s, a[0], IntArg(a[1], -1, "split"), false, rt); })},
      {"rsplit",
       Method("rsplit", {"sep", "maxsplit"},
              [](const S& s, const Bound& a, R& rt) { return Split(s, a[0], IntArg(a[1], -1, "rsplit"), true, rt); })},
      {"splitlines", Method("splitlines", {"keepends"},
                            [](const S& s, const Bound& a, R& rt) {
                              return TextList(JinjaSplitLines(s, a[0] && a[0]->Truthy()), rt);
                            })},
      {"startswith", Method("startswith", {"prefix"},
                            [](const S& s, const Bound& a, R&) { return JinjaValue(StartsOrEnds(s, a[0], true)); })},
      {"endswith", Method("endswith", {"suffix"},
                          [](const S& s, const Bound& a, R&) { return JinjaValue(StartsOrEnds(s, a[0], false)); })},
      {"removeprefix", Method("removeprefix", {"prefix"},
                              [](const S& s, const Bound& a, R& rt) {
                                const S& p = TextArg(a[0], "removeprefix");
                                return rt.Text(s.starts_with(p) ? s.substr(p.size()) : s);
                              })},
      {"removesuffix", Method("removesuffix", {"suffix"},
                              [](const S& s, const Bound& a, R& rt) {
                                const S& p = TextArg(a[0], "removesuffix");
                                return rt.Text(s.ends_with(p) ? s.substr(0, s.size() - p.size()) : s);
                              })},
      {"upper", Method("upper", {}, [](const S& s, const Bound&, R& rt) { return rt.Text(JinjaUpper(s)); })},
      {"lower", Method("lower", {}, [](const S& s, const Bound&, R& rt) { return rt.Text(JinjaLower(s)); })},
      {"capitalize",
       Method("capitalize", {}, [](const S& s, const Bound&, R& rt) { return rt.Text(JinjaCapitalize(s)); })},
      {"title", Method("title", {}, [](const S& s, const Bound&, R& rt) { return rt.Text(Title(s)); })},
      {"replace", Method("replace", {"old", "new", "count"},
                         [](const S& s, const Bound& a, R& rt) {
                           return JinjaValue(JinjaReplace(s, TextArg(a[0], "replace"), TextArg(a[1], "replace"),
                                                          IntArg(a[2], -1, "replace"), rt));
                         })},
      {"find", Method("find", {"sub", "start", "end"},
                      [](const S& s, const Bound& a, R& rt) {
                        return JinjaValue(FindIn(s, TextArg(a[0], "find"), a, false, rt));
                      })},
      {"rfind", Method("rfind", {"sub", "start", "end"},
                       [](const S& s, const Bound& a, R& rt) {
                         return JinjaValue(FindIn(s, TextArg(a[0], "rfind"), a, true, rt));
                       })},
      {"index", Method("index", {"sub", "start", "end"},
                       [](const S& s, const Bound& a, R& rt) {
                         const int64_t at = FindIn(s, TextArg(a[0], "index"), a, false, rt);
                         if (at < 0) ThrowJinja("index: substring not found");
                         return JinjaValue(at);
                       })},
      {"rindex", Method("rindex", {"sub", "start", "end"},
                        [](const S& s, const Bound& a, R& rt) {
                          const int64_t at = FindIn(s, TextArg(a[0], "rindex"), a, true, rt);
                          if (at < 0) ThrowJinja("rindex: substring not found");
                          return JinjaValue(at);
                        })},
      {"partition", Method("partition", {"sep"}, [](const S& s, const Bound& a, R& rt) { return Partition(s, TextArg(a[0], "partition"), false, rt); })},
      {"rpartition", Method("rpartition", {"sep"}, [](const S& s, const Bound& a, R& rt) { return Partition(s, TextArg(a[0], "rpartition"), true, rt); })},
      {"center", Method("center", {"width", "fillchar"}, [](const S& s, const Bound& a, R& rt) { return JinjaValue(Padded(s, a, "center", rt)); })},
      {"ljust", Method("ljust", {"width", "fillchar"}, [](const S& s, const Bound& a, R& rt) { return JinjaValue(Padded(s, a, "ljust", rt)); })},
      {"rjust", Method("rjust", {"width", "fillchar"}, [](const S& s, const Bound& a, R& rt) { return JinjaValue(Padded(s, a, "rjust", rt)); })},
      {"swapcase", Method("swapcase", {}, [](const S& s, const Bound&, R& rt) { return rt.Text(SwapCase(s)); })},
      {"isascii", Method("isascii", {},
                         [](const S& s, const Bound&, R&) {
                           return JinjaValue(std::all_of(s.begin(), s.end(), [](char c) { return (c & 0x80) == 0; }));
                         })},
      {"isnumeric", Method("isnumeric", {},
                           [](const S& s, const Bound&, R&) {
                             return JinjaValue(All(s, [](int32_t c) { return (CategoryOf(c) & kNumberMask) != 0; }));
                           })},
      {"count", Method("count", {"sub", "start", "end"},
                       [](const S& whole, const Bound& a, R& rt) {
                         const S& part = TextArg(a[0], "count");
                         int64_t skipped = 0;
                         const S s(Bounded(whole, a[1], a[2], &skipped, rt));
                         rt.budget.Step(static_cast<int64_t>(s.size() / 16));
                         if (part.empty()) return JinjaValue(static_cast<int64_t>(CountCodePoints(s)) + 1);
                         int64_t count = 0;
                         for (size_t at = s.find(part); at != S::npos; at = s.find(part, at + part.size())) ++count;
                         return JinjaValue(count);
                       })},
      {"join", Method("join", {"iterable"},
                      [](const S& s, const Bound& a, R& rt) {
                        if (a[0] == nullptr) ThrowJinja("join needs a list");
                        S out;
                        bool first = true;
                        for (const JinjaValue& item : JinjaIterate(*a[0], rt.budget)) {
                          if (!first) out += s;
                          first = false;
                          out += TextArg(&item, "join");
                          rt.budget.Bytes(item.AsString().size() + s.size());
                        }
                        return JinjaValue(std::move(out));
                      })},
      {"format", [](const S& s, const JinjaArgs& args, R& rt) { return JinjaValue(Format(s, args, rt)); }},
      {"isdigit", Method("isdigit", {}, [](const S& s, const Bound&, R&) { return JinjaValue(All(s, IsNumeric)); })},
      {"isdecimal",
       Method("isdecimal", {}, [](const S& s, const Bound&, R&) { return JinjaValue(All(s, IsNumeric)); })},
      {"isalpha", Method("isalpha", {}, [](const S& s, const Bound&, R&) { return JinjaValue(All(s, IsAlpha)); })},
      {"isalnum", Method("isalnum", {},
                         [](const S& s, const Bound&, R&) {
                           return JinjaValue(All(s, [](int32_t c) { return IsAlpha(c) || IsNumeric(c); }));
                         })},
      {"isspace", Method("isspace", {},
                         [](const S& s, const Bound&, R&) {
                           return JinjaValue(All(s, [](int32_t c) { return IsPythonSpace(c); }));
                         })},
      {"isupper", Method("isupper", {}, [](const S& s, const Bound&, R&) { return JinjaValue(IsCased(s, true)); })},
      {"islower", Method("islower", {}, [](const S& s, const Bound&, R&) { return JinjaValue(IsCased(s, false)); })},
      {"zfill", Method("zfill", {"width"},
                       [](const S& s, const Bound& a, R& rt) {
                         const int64_t missing = IntArg(a[0], 0, "zfill") - static_cast<int64_t>(CountCodePoints(s));
                         if (missing <= 0) return JinjaValue(s);
                         rt.budget.Bytes(static_cast<size_t>(missing));
                         const bool sign = !s.empty() && (s[0] == '-' || s[0] == '+');
                         return JinjaValue(s.substr(0, sign) + S(static_cast<size_t>(missing), '0') + s.substr(sign));
                       })},
  };
  return methods;
}

JinjaValue DictMethod(const JinjaValue& self, std::string_view name, const JinjaArgs& args, JinjaRuntime& rt) {
  if (name == "get") {
    const Bound bound = args.Bind("get", {"key", "default"});
    if (bound[0] == nullptr) ThrowJinja("get needs a key");
    if (const JinjaValue* found = self.Find(*bound[0], rt.budget)) return *found;
    return bound[1] != nullptr ? *bound[1] : JinjaValue();
  }
  args.Bind(name, {});
  if (name == "copy") return self;
  std::vector<JinjaValue> items;
  for (const auto& [key, value] : self.Entries()) {
    items.push_back(name == "keys" ? key : name == "values" ? value : rt.List({key, value}, true));
  }
  return rt.List(std::move(items));
}

constexpr const char* kDictMethods[] = {"get", "items", "keys", "values", "copy"};
constexpr const char* kChangingMethods[] = {"append", "extend",     "insert",  "remove", "pop",    "clear",
                                            "update", "setdefault", "popitem", "sort",   "reverse"};

template <size_t N>
bool IsOneOf(std::string_view name, const char* const (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

bool JinjaHasMethod(const JinjaValue& self, std::string_view name) {
  if (self.IsString()) return StringMethods().count(name) != 0;
  if (self.IsDict()) {
    return IsOneOf(name, kDictMethods) || name == "pop" || name == "clear" || name == "update" ||
           name == "setdefault" || name == "popitem";
  }
  if (self.IsList()) {
    return name == "index" || name == "count" ||
           (!self.IsTuple() && (name == "copy" || (IsOneOf(name, kChangingMethods) && name != "update" &&
                                                   name != "setdefault" && name != "popitem")));
  }
  return self.As<JinjaLoop>() != nullptr && (name == "cycle" || name == "changed");
}

JinjaValue JinjaCallMethod(const JinjaValue& self, const std::string& name, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step();
  if (self.IsString()) return StringMethods().find(name)->second(self.AsString(), args, rt);
  if ((self.IsDict() || self.IsList()) && IsOneOf(name, kChangingMethods)) {
    ThrowJinja("a template may not change a ", self.TypeName(), ", so '", name, "' is not allowed");
  }
  if (self.IsDict()) return DictMethod(self, name, args, rt);
  if (self.IsList()) {
    if (name == "copy") return self;
    const Bound bound = args.Bind(name, {"value"});
    if (bound[0] == nullptr) ThrowJinja(name, " needs a value");
    int64_t count = 0;
    for (size_t i = 0; i < self.Items().size(); ++i) {
      if (!JinjaEqual(self.Items()[i], *bound[0], rt.budget)) continue;
      if (name == "index") return JinjaValue(static_cast<int64_t>(i));
      ++count;
    }
    if (name == "index") ThrowJinja("index: the list has no such item");
    return JinjaValue(count);
  }
  const auto loop = self.As<JinjaLoop>();
  if (name == "cycle") {
    if (args.positional.empty()) ThrowJinja("loop.cycle needs values");
    return args.positional[static_cast<size_t>(loop->index) % args.positional.size()];
  }
  const JinjaValue now = rt.List(args.positional, true);
  if (loop->has_changed && JinjaEqual(loop->last_changed, now, rt.budget)) return JinjaValue(false);
  loop->has_changed = true;
  loop->last_changed = now;
  return JinjaValue(true);
}

std::vector<const JinjaValue*> JinjaArgs::Bind(std::string_view function,
                                               std::initializer_list<const char*> parameters) const {
  if (positional.size() > parameters.size()) {
    ThrowJinja("'", function, "' takes at most ", parameters.size(), " arguments, not ", positional.size());
  }
  std::vector<const JinjaValue*> bound;
  for (size_t i = 0; i < parameters.size(); ++i) bound.push_back(i < positional.size() ? &positional[i] : nullptr);
  for (const auto& [name, value] : named) {
    size_t at = 0;
    for (const char* parameter : parameters) {
      if (name == parameter) break;
      ++at;
    }
    if (at == parameters.size() || bound[at] != nullptr)
      ThrowJinja("'", function, "' has no use for the argument '", name, "'");
    bound[at] = &value;
  }
  return bound;
}

JinjaArgs JinjaArgs::Without(size_t first) const {
  JinjaArgs rest;
  rest.positional.assign(positional.begin() + static_cast<std::ptrdiff_t>(std::min(first, positional.size())),
                         positional.end());
  rest.named = named;
  return rest;
}

}  // namespace pith
