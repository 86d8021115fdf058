// Methods of strings, but for the predicates.
#include <algorithm>

#include "data/template/jinja_formats.h"
#include "data/template/jinja_methods.h"
#include "data/template/jinja_text_pieces.h"
#include "data/template/python_characters.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using namespace jinja_text;

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

template <JinjaStripSide kSide>
V Strip(const V& self, const B& a, R& rt) {
  return rt.Text(JinjaStrip(self.AsString(), a[0], kSide));
}
template <bool kFromRight>
V SplitMethod(const V& self, const B& a, R& rt) {
  return Split(self.AsString(), a.NotNone(0), a[1] != nullptr ? JinjaToInt(*a[1], "maxsplit") : -1, kFromRight, rt);
}
template <bool kFromRight>
V PartitionMethod(const V& self, const B& a, R& rt) {
  return Partition(self.AsString(), TextArg(a[0], "partition"), kFromRight, rt);
}
template <bool kStarts>
V StartsOrEndsMethod(const V& self, const B& a, R& rt) {
  return V(StartsOrEnds(self.AsString(), *a[0], a[1], a[2], kStarts, rt));
}
template <bool kFromRight, bool kMust>
V Find(const V& self, const B& a, R& rt) {
  const int64_t at = FindIn(self.AsString(), TextArg(a[0], "find"), a[1], a[2], kFromRight, rt);
  if (kMust && at < 0) ThrowJinja("index: substring not found");
  return V(at);
}
template <Side kSide>
V Pad(const V& self, const B& a, R& rt) {
  return V(Padded(self.AsString(), JinjaToInt(*a[0], "a width"), a[1] != nullptr ? TextArg(a[1], "a fill") : " ", kSide, rt));
}
template <std::string (*kMap)(std::string_view)>
V MappedSelf(const V& self, const B&, R& rt) {
  return rt.Text(kMap(self.AsString()));
}

V Join(const V& self, const B& a, R& rt) {
  const std::string& s = self.AsString();
  std::string out;
  bool first = true;
  for (const V& item : JinjaIterate(*a[0], rt.budget)) {
    if (!first) out += s;
    first = false;
    out += TextArg(&item, "join");
    rt.budget.Bytes(item.AsString().size() + s.size());
  }
  return V(std::move(out));
}

V Count(const V& self, const B& a, R& rt) {
  const std::string& part = TextArg(a[0], "count");
  const auto within = Bounded(self.AsString(), a[1], a[2], rt);
  if (!within) return V(int64_t{0});
  rt.budget.Step(static_cast<int64_t>(within->text.size() / 16));
  if (part.empty()) return V(static_cast<int64_t>(CountCodePoints(within->text)) + 1);
  int64_t count = 0;
  for (size_t at = JinjaFind(within->text, part); at != std::string::npos; at = JinjaFind(within->text, part, at + part.size())) ++count;
  return V(count);
}

V ZeroFill(const V& self, const B& a, R& rt) {
  const std::string& s = self.AsString();
  const int64_t missing = JinjaToInt(*a[0], "zfill's width") - static_cast<int64_t>(CountCodePoints(s));
  if (missing <= 0) return V(s);
  rt.budget.Bytes(static_cast<size_t>(missing));
  const bool sign = s.starts_with('-') || s.starts_with('+');
  return V(s.substr(0, sign) + std::string(static_cast<size_t>(missing), '0') + s.substr(sign));
}

V SplitLines(const V& self, const B& a, R& rt) {
  return TextList(JinjaSplitLines(self.AsString(), a[0] != nullptr && JinjaToInt(*a[0], "keepends") != 0), rt);
}

template <bool kPrefix>
V Remove(const V& self, const B& a, R& rt) {
  const std::string &s = self.AsString(), &part = TextArg(a[0], kPrefix ? "removeprefix" : "removesuffix");
  if (kPrefix) return rt.Text(s.starts_with(part) ? s.substr(part.size()) : s);
  return rt.Text(s.ends_with(part) ? s.substr(0, s.size() - part.size()) : s);
}

}  // namespace

const JinjaMethodTable& JinjaTextMethods() {
  static const JinjaMethodTable methods = {
      {"capitalize", {"", MappedSelf<PythonCapitalize>}},
      {"casefold", {"", MappedSelf<PythonCaseFold>}},
      {"center", {"width, fillchar=, /", Pad<Side::kBoth>}},
      {"count", {"sub, start=, end=, /", Count}},
      {"endswith", {"suffix, start=, end=, /", StartsOrEndsMethod<false>}},
      {"expandtabs", {"tabsize=", [](const V& self, const B& a, R& rt) { return rt.Text(ExpandTabs(self.AsString(), a[0] != nullptr ? JinjaToInt(*a[0], "tabsize") : 8, rt)); }}},
      {"find", {"sub, start=, end=, /", Find<false, false>}},
      {"format", {"*", [](const V& self, const B& a, R& rt) { return V(JinjaBraceFormat(self, *a.all, nullptr, rt)); }}},
      {"format_map", {"mapping, /", [](const V& self, const B& a, R& rt) { return V(JinjaBraceFormat(self, {}, a[0], rt)); }}},
      {"index", {"sub, start=, end=, /", Find<false, true>}},
      {"join", {"iterable, /", Join}},
      {"ljust", {"width, fillchar=, /", Pad<Side::kRight>}},
      {"lower", {"", MappedSelf<PythonLower>}},
      {"lstrip", {"chars=, /", Strip<JinjaStripSide::kLeft>}},
      {"maketrans", {"x, y=, z=, /", [](const V&, const B& a, R& rt) { return MakeTranslation(*a[0], a[1], a[2], rt); }}},
      {"partition", {"sep, /", PartitionMethod<false>}},
      {"removeprefix", {"prefix, /", Remove<true>}},
      {"removesuffix", {"suffix, /", Remove<false>}},
      {"replace",
       {"old, new, count=, /",
        [](const V& self, const B& a, R& rt) {
          const int64_t count = a[2] != nullptr ? JinjaToInt(*a[2], "replace's count") : -1;
          return V(JinjaReplace(self.AsString(), TextArg(a[0], "replace"), TextArg(a[1], "replace"), count, rt));
        }}},
      {"rfind", {"sub, start=, end=, /", Find<true, false>}},
      {"rindex", {"sub, start=, end=, /", Find<true, true>}},
      {"rjust", {"width, fillchar=, /", Pad<Side::kLeft>}},
      {"rpartition", {"sep, /", PartitionMethod<true>}},
      {"rsplit", {"sep=, maxsplit=", SplitMethod<true>}},
      {"rstrip", {"chars=, /", Strip<JinjaStripSide::kRight>}},
      {"split", {"sep=, maxsplit=", SplitMethod<false>}},
      {"splitlines", {"keepends=", SplitLines}},
      {"startswith", {"prefix, start=, end=, /", StartsOrEndsMethod<true>}},
      {"strip", {"chars=, /", Strip<JinjaStripSide::kBoth>}},
      {"swapcase", {"", MappedSelf<PythonSwapCase>}},
      {"title", {"", MappedSelf<PythonTitle>}},
      {"translate", {"table, /", [](const V& self, const B& a, R& rt) { return rt.Text(Translated(self.AsString(), *a[0], rt)); }}},
      {"upper", {"", MappedSelf<PythonUpper>}},
      {"zfill", {"width, /", ZeroFill}},
  };
  return methods;
}

}  // namespace pith
