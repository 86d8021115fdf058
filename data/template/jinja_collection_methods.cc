// Methods of dictionaries, lists, tuples and ranges, of loops and cyclers.
#include <algorithm>

#include "data/template/jinja_globals.h"
#include "data/template/jinja_methods.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

V Keys(const V& self, R& rt) {
  std::vector<V> keys;
  for (const auto& [key, value] : self.Entries()) keys.push_back(key);
  return rt.List(std::move(keys));
}
V Values(const V& self, R& rt) {
  std::vector<V> values;
  for (const auto& [key, value] : self.Entries()) values.push_back(value);
  return rt.List(std::move(values));
}
V Items(const V& self, R& rt) {
  std::vector<V> items;
  for (const auto& [key, value] : self.Entries()) items.push_back(rt.List({key, value}, true));
  return rt.List(std::move(items));
}

const std::vector<V>& ItemsOf(const V& self) {
  const auto view = self.As<JinjaView>();
  return view != nullptr ? view->items.Items() : self.Items();
}

V IndexOf(const V& self, const B& a, R& rt) {
  const std::vector<V>& items = ItemsOf(self);
  const auto count = static_cast<int64_t>(items.size());
  const auto place = [&](const V* value, int64_t missing) {
    int64_t at = value != nullptr ? JinjaToInt(*value, "a place for index") : missing;
    if (at < 0) at += count;
    return std::clamp<int64_t>(at, 0, count);
  };
  if (self.IsObject() && a[1] != nullptr) ThrowJinja("'index' of a range takes one argument");
  const int64_t end = place(a[2], count);
  for (int64_t i = place(a[1], 0); i < end; ++i) {
    if (JinjaEqual(items[static_cast<size_t>(i)], *a[0], rt.budget)) return V(i);
  }
  ThrowJinja("index: the ", self.TypeName(), " has no such item");
}

}  // namespace

const JinjaMethodTable& JinjaDictMethods() {
  static const JinjaMethodTable methods = {
      {"get",
       {"key, default=, /",
        [](const V& self, const B& a, R& rt) {
          JinjaCheckHashable(*a[0]);
          if (const V* found = self.Find(*a[0], rt.budget)) return *found;
          return a[1] != nullptr ? *a[1] : V();
        }}},
      {"keys", {"", [](const V& self, const B&, R& rt) { return JinjaView::Of(JinjaView::kKeys, Keys(self, rt)); }}},
      {"values", {"", [](const V& self, const B&, R& rt) { return JinjaView::Of(JinjaView::kValues, Values(self, rt)); }}},
      {"items", {"", [](const V& self, const B&, R& rt) { return JinjaView::Of(JinjaView::kItems, Items(self, rt)); }}},
      {"copy", {"", [](const V& self, const B&, R&) { return self; }}},
      {"fromkeys",
       {"iterable, value=, /",
        [](const V&, const B& a, R& rt) {
          std::vector<std::pair<V, V>> entries;
          for (const V& key : JinjaIterate(*a[0], rt.budget)) JinjaPut(entries, key, a[1] != nullptr ? *a[1] : V(), rt);
          return V::Dict(std::move(entries));
        }}},
  };
  return methods;
}

const JinjaMethodTable& JinjaSequenceMethods() {
  static const JinjaMethodTable methods = {
      {"copy", {"", [](const V& self, const B&, R&) { return self; }}},
      {"count",
       {"value, /",
        [](const V& self, const B& a, R& rt) {
          const std::vector<V>& items = ItemsOf(self);
          return V(static_cast<int64_t>(
              std::count_if(items.begin(), items.end(), [&](const V& item) { return JinjaEqual(item, *a[0], rt.budget); })));
        }}},
      {"index", {"value, start=, stop=, /", IndexOf}},
  };
  return methods;
}

const JinjaMethodTable& JinjaLoopMethods() {
  static const JinjaMethodTable methods = {
      {"cycle",
       {"*",
        [](const V& self, const B& a, R&) {
          const std::vector<V>& values = a.all->positional;
          if (values.empty() || !a.all->named.empty()) ThrowJinja("loop.cycle needs values");
          return values[static_cast<size_t>(self.As<JinjaLoop>()->index) % values.size()];
        }}},
      {"changed",
       {"*",
        [](const V& self, const B& a, R& rt) {
          const auto loop = self.As<JinjaLoop>();
          if (!a.all->named.empty()) ThrowJinja("loop.changed takes no named arguments");
          const V now = rt.List(a.all->positional, true);
          if (loop->has_changed && JinjaEqual(loop->last_changed, now, rt.budget)) return V(false);
          loop->has_changed = true;
          loop->last_changed = now;
          return V(true);
        }}},
  };
  return methods;
}

const JinjaMethodTable& JinjaCyclerMethods() {
  static const JinjaMethodTable methods = {
      {"next",
       {"",
        [](const V& self, const B&, R&) {
          const auto cycler = self.As<JinjaCycler>();
          const std::vector<V>& items = cycler->items.Items();
          return items[std::exchange(cycler->place, (cycler->place + 1) % items.size())];
        }}},
      {"reset", {"", [](const V& self, const B&, R&) { return self.As<JinjaCycler>()->place = 0, V(); }}},
  };
  return methods;
}

}  // namespace pith
