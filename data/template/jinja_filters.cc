// Filters over anything, and the table that names all filters.
#include "data/template/jinja_filters.h"

#include <algorithm>
#include <iterator>

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

// What jinja2 has and pith does not: HTML, wrapped lines, chance.
constexpr const char* kLacked[] = {"pprint", "random", "striptags", "urlize", "wordwrap"};

V ToJson(const V& value, const B& a, R& rt) {
  const V* indent = a.NotNone(1);
  std::string step, item_separator = indent != nullptr ? "," : ", ", key_separator = ": ";
  if (indent != nullptr) {
    const int64_t width = indent->IsString() ? 0 : JinjaToInt(*indent, "tojson's indent");
    if (width > 64) ThrowJinja("pith lacks JSON that is indented by ", width, " spaces, more than 64");
    step = indent->IsString() ? indent->AsString() : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  if (const V* separators = a.NotNone(2)) {
    const std::vector<V> pair = JinjaIterate(*separators, rt.budget);
    if (pair.size() != 2 || !pair[0].IsString() || !pair[1].IsString()) ThrowJinja("tojson's separators must be two strings");
    item_separator = pair[0].AsString();
    key_separator = pair[1].AsString();
  }
  return V(JinjaToJson(value, a.Flag(0), indent != nullptr ? &step : nullptr, item_separator, key_separator, a.Flag(3), rt));
}

V Length(const V& v, const B&, R&) { return V(JinjaLength(v)); }
V Default(const V& v, const B& a, R&) {
  return v.IsUndefined() || (a.Flag(1) && !v.Truthy()) ? (a[0] != nullptr ? *a[0] : V("")) : v;
}

V Attr(const V& v, const B& a, R& rt) {
  if (!a[0]->IsString()) ThrowJinja("attr needs a name, not '", a[0]->TypeName(), "'");
  if (v.IsUndefined()) ThrowJinja(v.UndefinedReason());
  return JinjaTypeAttribute(v, a[0]->AsString(), rt);
}

const JinjaFilterMap& Filters() {
  static const JinjaFilterMap filters = [] {
    JinjaFilterMap all = {
        {"length", {"", Length}},
        {"count", {"", Length}},
        {"default", {"default_value=, boolean=", Default}},
        {"d", {"default_value=, boolean=", Default}},
        {"tojson", {"ensure_ascii=, indent=, separators=, sort_keys=", ToJson}},
        {"attr", {"name", Attr}},
    };
    for (const JinjaFilterMap* some : {&JinjaNumberFilters(), &JinjaListFilters(), &JinjaElementFilters(), &JinjaTextFilters()}) {
      all.insert(some->begin(), some->end());
    }
    return all;
  }();
  return filters;
}

}  // namespace

bool JinjaHasFilter(std::string_view name) { return Filters().count(name) != 0; }
bool JinjaLacksFilter(std::string_view name) { return std::find(std::begin(kLacked), std::end(kLacked), name) != std::end(kLacked); }

JinjaValue JinjaFilter(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step(value.IsString() ? 1 + static_cast<int64_t>(value.AsString().size() / 32) : 1);
  const auto found = Filters().find(name);
  if (found == Filters().end()) ThrowJinja("pith lacks the filter '", name, "'");
  return found->second.body(value, found->second.signature.Bind(name, args), rt);
}

}  // namespace pith
