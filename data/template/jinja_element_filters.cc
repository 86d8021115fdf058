// Filters that apply a test, a filter or an attribute to each item, and those that make one value of all.
#include "data/template/jinja_filters.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

// Items whose test (by name; truth when none) comes out as `kKeep`. Of nothing, nothing: even None has no items then.
template <bool kByAttribute, bool kKeep>
V Select(const V& value, const B& a, R& rt) {
  return rt.Lazily([&] {
    std::vector<V> kept;
    if (!value.Truthy()) return kept;
    const JinjaArgs& args = *a.all;
    if (kByAttribute && args.positional.empty()) ThrowJinja("a filter that selects by an attribute needs one");
    const size_t test_at = kByAttribute ? 1 : 0;
    for (const V& item : JinjaIterate(value, rt.budget)) {
      const V subject = kByAttribute ? JinjaLookup(item, &args.positional[0], rt) : item;
      bool passes = subject.Truthy();
      if (args.positional.size() > test_at) {
        const V& test = args.positional[test_at];
        if (!test.IsString()) ThrowJinja("a filter that selects needs the name of a test, not '", test.TypeName(), "'");
        passes = JinjaTest(test.AsString(), subject, args.Without(test_at + 1), rt);
      }
      if (passes == kKeep) kept.push_back(item);
    }
    return kept;
  });
}

V Map(const V& value, const B& a, R& rt) {
  return rt.Lazily([&] {
    std::vector<V> out;
    if (!value.Truthy()) return out;
    const JinjaArgs& args = *a.all;
    const V *attribute = nullptr, *missing = nullptr, *filter = args.positional.empty() ? nullptr : &args.positional[0];
    for (const auto& [name, named] : args.named) {
      if (name == "attribute") attribute = &named;
      if (name == "default") missing = &named;
      if (filter == nullptr && name != "attribute" && name != "default") ThrowJinja("'map' has no use for the argument '", name, "'");
    }
    if (filter == nullptr && attribute == nullptr) ThrowJinja("'map' needs a filter or an attribute");
    if (filter != nullptr && !filter->IsString()) ThrowJinja("'map' needs the name of a filter, not '", filter->TypeName(), "'");
    if (missing != nullptr && missing->IsNone()) missing = nullptr;
    for (const V& item : JinjaIterate(value, rt.budget)) {
      out.push_back(filter != nullptr ? JinjaFilter(filter->AsString(), item, args.Without(1), rt) : JinjaLookup(item, attribute, rt, missing));
    }
    return out;
  });
}

V Join(const V& value, const B& a, R& rt) {
  const std::string separator = a[0] != nullptr ? JinjaToString(*a[0], rt.budget) : "";
  std::string out;
  bool first = true;
  for (const V& item : JinjaIterate(value, rt.budget)) {
    if (!first) out += separator;
    first = false;
    rt.budget.Bytes(separator.size());
    out += JinjaToString(JinjaLookup(item, a[1], rt), rt.budget);
    rt.budget.Size(out.size());
  }
  return V(std::move(out));
}

template <bool kLargest>
V Extreme(const V& value, const B& a, R& rt) {
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  if (items.empty()) return V::Undefined("there is no extreme of no items", JinjaUndefined::kSentence);
  const auto key = [&](const V& item) { return JinjaFolded(JinjaLookup(item, a[1], rt), a.Flag(0)); };
  size_t best = 0;
  V best_key = key(items[0]);
  for (size_t i = 1; i < items.size(); ++i) {
    V now = key(items[i]);
    if (!JinjaCompare(kLargest ? ">" : "<", now, best_key, rt)) continue;
    best = i;
    best_key = std::move(now);
  }
  return items[best];
}

V Sum(const V& value, const B& a, R& rt) {
  V total = a[1] != nullptr ? *a[1] : V(int64_t{0});
  if (total.IsString()) ThrowJinja("sum cannot start from a text; use join");
  for (const V& item : JinjaIterate(value, rt.budget)) total = JinjaBinary("+", total, JinjaLookup(item, a[0], rt), rt);
  return total;
}

}  // namespace

const JinjaFilterMap& JinjaElementFilters() {
  static const JinjaFilterMap filters = {
      {"join", {"d=, attribute=", Join}},
      {"map", {"*", Map}},
      {"max", {"case_sensitive=, attribute=", Extreme<true>}},
      {"min", {"case_sensitive=, attribute=", Extreme<false>}},
      {"reject", {"*", Select<false, false>}},
      {"rejectattr", {"*", Select<true, false>}},
      {"select", {"*", Select<false, true>}},
      {"selectattr", {"*", Select<true, true>}},
      {"sum", {"attribute=, start=", Sum}},
  };
  return filters;
}

}  // namespace pith
