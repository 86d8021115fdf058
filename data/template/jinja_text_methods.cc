#include "data/template/jinja_text_methods.h"

#include <algorithm>

#include "data/template/jinja_formats.h"
#include "data/template/jinja_lexer.h"
#include "data/template/jinja_text_pieces.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using namespace jinja_text;

using StringMethod = JinjaTextMethods::mapped_type;

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

}  // namespace

const JinjaTextMethods& JinjaMethodsOfText() {
  using S = std::string;
  using R = JinjaRuntime;
  static const JinjaTextMethods methods = {
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
                         for (size_t at = JinjaFind(s, part); at != S::npos; at = JinjaFind(s, part, at + part.size())) ++count;
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
      {"format", [](const S& s, const JinjaArgs& args, R& rt) { return JinjaValue(JinjaBraceFormat(s, args, rt)); }},
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

}  // namespace pith
