// Filters over lists and dictionaries. Those that are lazy in Python give a generator.
#include <algorithm>
#include <charconv>
#include <utility>

#include "data/template/jinja_filters.h"
#include "data/template/jinja_markup.h"

namespace pith {
namespace {

using V = JinjaValue;
using A = JinjaArgs;
using R = JinjaRuntime;

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

// Items whose test (by name; truth when none) comes out as `keep`. Of nothing, nothing: even None has no items then.
std::vector<V> Selected(const V& value, const A& args, bool by_attribute, bool keep, R& rt, const char* name) {
  if (!value.Truthy()) return {};
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
  return kept;
}
V Select(const V& value, const A& args, bool by_attribute, bool keep, R& rt, const char* name) {
  return rt.Lazily([&] { return Selected(value, args, by_attribute, keep, rt, name); });
}

std::vector<V> Mapped(const V& value, const A& args, R& rt) {
  if (!value.Truthy()) return {};
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
  return out;
}
V Map(const V& value, const A& args, R& rt) {
  return rt.Lazily([&] { return Mapped(value, args, rt); });
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

V DictSort(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("dictsort", {"case_sensitive", "by", "reverse"});
  if (!value.IsDict()) ThrowJinja("dictsort needs a dict, not '", value.TypeName(), "'");
  const std::string by = bound[1] != nullptr ? JinjaToString(*bound[1], rt.budget) : "key";
  if (by != "key" && by != "value") ThrowJinja("dictsort sorts by 'key' or 'value', not '", by, "'");
  std::vector<V> items;
  for (const auto& [key, item] : value.Entries()) items.push_back(rt.List({key, item}, true));
  const V index(int64_t{by == "value"});
  return rt.List(Sorted(std::move(items), &index, JinjaFlag(bound[0], false), JinjaFlag(bound[2], false), rt));
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
    return Folded(bound[1] != nullptr ? Lookup(item, *bound[1], rt) : item, JinjaFlag(bound[0], false));
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
        Folded(bound[1] != nullptr && !bound[1]->IsNone() ? Lookup(item, *bound[1], rt) : item, JinjaFlag(bound[0], false));
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

V First(const V& value, R& rt, bool last, const char* name) {
  if (last && value.As<JinjaGenerator>() != nullptr) ThrowJinja("a generator has no last item; make it a list first");
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  if (items.empty()) return V::Undefined(Str("the ", name, " of no items"));
  return last ? items.back() : items.front();
}

}  // namespace

const JinjaFilterMap& JinjaListFilters() {
  static const JinjaFilterMap filters = {
      {"join", Join},
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
         return JinjaMarkupLike(v, rt.Text(std::move(text)), rt);
       }},
      {"sort",
       [](const V& v, const A& a, R& rt) {
         const auto bound = a.Bind("sort", {"reverse", "case_sensitive", "attribute"});
         return rt.List(Sorted(JinjaIterate(v, rt.budget), bound[2], JinjaFlag(bound[1], false), JinjaFlag(bound[0], false), rt));
       }},
      {"dictsort", DictSort},
      {"groupby", GroupBy},
      {"unique", Unique},
      {"batch", Batch},
      {"slice", Slice},
      {"sum", Sum},
      {"min", [](const V& v, const A& a, R& rt) { return Extreme(v, a, false, rt); }},
      {"max", [](const V& v, const A& a, R& rt) { return Extreme(v, a, true, rt); }},
      {"map", Map},
      {"select", [](const V& v, const A& a, R& rt) { return Select(v, a, false, true, rt, "select"); }},
      {"reject", [](const V& v, const A& a, R& rt) { return Select(v, a, false, false, rt, "reject"); }},
      {"selectattr", [](const V& v, const A& a, R& rt) { return Select(v, a, true, true, rt, "selectattr"); }},
      {"rejectattr", [](const V& v, const A& a, R& rt) { return Select(v, a, true, false, rt, "rejectattr"); }},
  };
  return filters;
}

}  // namespace pith
