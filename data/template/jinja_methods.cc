#include "data/template/jinja_methods.h"

#include <algorithm>
#include <iterator>

#include "data/template/jinja_globals.h"
#include "data/template/jinja_markup.h"

namespace pith {
namespace {

// What Python's types have and pith does not: bytes, HTML, and numbers as their bits.
constexpr const char* kLackedOfText[] = {"encode"};
constexpr const char* kLackedOfMarkup[] = {"encode", "escape", "striptags", "unescape"};
constexpr const char* kLackedOfInt[] = {"from_bytes", "to_bytes"};
constexpr const char* kLackedOfFloat[] = {"fromhex", "hex"};
constexpr const char* kLackedOfView[] = {"isdisjoint", "mapping"};
constexpr const char* kLackedOfGenerator[] = {"close", "send", "throw"};
constexpr const char* kLackedOfMacro[] = {"arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller"};
// Those that would change a value, which the sandbox hides.
constexpr const char* kChangingList[] = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
constexpr const char* kChangingDict[] = {"clear", "pop", "popitem", "setdefault", "update"};

template <size_t N>
bool IsOneOf(std::string_view name, const char* const (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

const JinjaMethodSpec* FindIn(const JinjaMethodTable& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

const JinjaMethodSpec* FindMethod(const JinjaValue& self, std::string_view name) {
  if (self.IsString()) {
    const JinjaMethodSpec* method = FindIn(JinjaTextMethods(), name);
    return method != nullptr ? method : FindIn(JinjaTextPredicates(), name);
  }
  if (self.IsDict()) return FindIn(JinjaDictMethods(), name);
  if (self.IsList()) return name == "copy" && self.IsTuple() ? nullptr : FindIn(JinjaSequenceMethods(), name);
  if (self.IsInt() || self.IsBool()) return FindIn(JinjaIntMethods(), name);
  if (self.IsFloat()) return FindIn(JinjaFloatMethods(), name);
  if (self.As<JinjaLoop>() != nullptr) return FindIn(JinjaLoopMethods(), name);
  if (self.As<JinjaCycler>() != nullptr) return FindIn(JinjaCyclerMethods(), name);
  const auto view = self.As<JinjaView>();
  if (view != nullptr && view->kind == JinjaView::kRange && name != "copy") return FindIn(JinjaSequenceMethods(), name);
  return nullptr;
}

}  // namespace

bool JinjaHasMethod(const JinjaValue& self, std::string_view name) { return FindMethod(self, name) != nullptr; }

bool JinjaForbids(const JinjaValue& self, std::string_view name) {
  if (self.IsList() && !self.IsTuple()) return IsOneOf(name, kChangingList);
  return self.IsDict() && IsOneOf(name, kChangingDict);
}

bool JinjaLacksAttribute(const JinjaValue& self, std::string_view name) {
  if (self.IsString()) return self.IsMarkup() ? IsOneOf(name, kLackedOfMarkup) : IsOneOf(name, kLackedOfText);
  if (self.IsInt() || self.IsBool()) return IsOneOf(name, kLackedOfInt);
  if (self.IsFloat()) return IsOneOf(name, kLackedOfFloat);
  if (const auto view = self.As<JinjaView>()) return view->kind != JinjaView::kRange && IsOneOf(name, kLackedOfView);
  if (self.As<JinjaGenerator>() != nullptr) return IsOneOf(name, kLackedOfGenerator);
  return self.IsObject() && std::string_view(self.TypeName()) == "Macro" && IsOneOf(name, kLackedOfMacro);
}

JinjaValue JinjaCallMethod(const JinjaValue& self, const std::string& name, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step(self.IsString() ? 1 + static_cast<int64_t>(self.AsString().size() / 32) : 1);
  const JinjaMethodSpec& method = *FindMethod(self, name);
  if (!self.IsMarkup()) return method.body(self, method.signature.Bind(name, args), rt);
  const JinjaArgs escaped = JinjaMarkupArgs(name, args, rt);
  return JinjaMarkupLike(self, method.body(self, method.signature.Bind(name, escaped), rt), rt);
}

JinjaArgs JinjaArgs::Without(size_t first) const {
  JinjaArgs rest;
  rest.positional.assign(positional.begin() + static_cast<std::ptrdiff_t>(std::min(first, positional.size())), positional.end());
  rest.named = named;
  return rest;
}

}  // namespace pith
