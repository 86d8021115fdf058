// Filters that make one list or dictionary into another. Those that are lazy in Python give a generator.
#include <algorithm>
#include <charconv>
#include <utility>

#include "data/template/jinja_filters.h"
#include "data/template/jinja_markup.h"
#include "data/template/python_characters.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

// The keys that items are sorted by: a list of one for each attribute of "a,b.c". In a list, equal keys need no order.
class SortKeys {
 public:
  SortKeys(const V* attribute, bool case_sensitive) : case_sensitive_(case_sensitive) {
    if (attribute == nullptr || attribute->IsNone()) return;
    if (!attribute->IsString()) {
      paths_.push_back(*attribute);
      return;
    }
    const std::string& text = attribute->AsString();
    for (size_t at = 0; at <= text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      paths_.emplace_back(text.substr(at, comma - at));
      at = comma + 1;
    }
  }
  V Of(const V& item, R& rt) const {
    std::vector<V> keys;
    if (paths_.empty()) keys.push_back(JinjaFolded(item, case_sensitive_));
    for (const V& path : paths_) keys.push_back(JinjaFolded(JinjaLookup(item, &path, rt), case_sensitive_));
    return rt.List(std::move(keys));
  }

 private:
  bool case_sensitive_;
  std::vector<V> paths_;
};

// Stable, also in reverse.
template <class KeyOf>
std::vector<V> Sorted(std::vector<V> items, bool reverse, R& rt, KeyOf key_of) {
  std::vector<std::pair<V, V>> keyed;
  for (V& item : items) keyed.emplace_back(key_of(item), item);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? JinjaOrder(b.first, a.first, rt.budget) < 0 : JinjaOrder(a.first, b.first, rt.budget) < 0;
  });
  for (size_t i = 0; i < items.size(); ++i) items[i] = keyed[i].second;
  return items;
}

V Sort(const V& value, const B& a, R& rt) {
  const SortKeys keys(a[2], a.Flag(1));
  return rt.List(Sorted(JinjaIterate(value, rt.budget), a.Flag(0), rt, [&](const V& item) { return keys.Of(item, rt); }));
}

V ItemsOf(const V& dict, const char* filter, R& rt) {
  if (!dict.IsDict()) ThrowJinja(filter, " needs a dict, not '", dict.TypeName(), "'");
  return JinjaCallMethod(dict, "items", {}, rt);
}

V DictSort(const V& value, const B& a, R& rt) {
  const std::string by = a[1] != nullptr ? JinjaToString(*a[1], rt.budget) : "key";
  if (by != "key" && by != "value") ThrowJinja("dictsort sorts by 'key' or 'value', not '", by, "'");
  const bool case_sensitive = a.Flag(0);
  const size_t place = by == "value";
  std::vector<V> items = JinjaIterate(ItemsOf(value, "dictsort", rt), rt.budget);
  return rt.List(Sorted(std::move(items), a.Flag(2), rt, [&](const V& item) { return JinjaFolded(item.Items()[place], case_sensitive); }));
}

V GroupBy(const V& value, const B& a, R& rt) {
  const V *path = a[0], *missing = a.NotNone(1);
  const bool case_sensitive = a.Flag(2);
  const auto key_of = [&](const V& item) { return JinjaFolded(JinjaLookup(item, path, rt, missing), case_sensitive); };
  std::vector<V> groups, members;
  V key;
  const auto close = [&] {
    if (members.empty()) return;
    V grouper = JinjaLookup(members[0], path, rt, missing);  // as the first of them writes it
    groups.push_back(V::Group(std::move(grouper), rt.List(std::exchange(members, {}))));
  };
  for (const V& item : Sorted(JinjaIterate(value, rt.budget), false, rt, key_of)) {
    V now = key_of(item);
    if (!members.empty() && !JinjaEqual(now, key, rt.budget)) close();
    if (members.empty()) key = std::move(now);
    members.push_back(item);
  }
  close();
  return rt.List(std::move(groups));
}

V Unique(const V& value, const B& a, R& rt) {
  return rt.Lazily([&] {
    std::vector<V> keys, kept;
    for (const V& item : JinjaIterate(value, rt.budget)) {
      V key = JinjaFolded(JinjaLookup(item, a[1], rt), a.Flag(0));
      JinjaCheckHashable(key);
      if (std::any_of(keys.begin(), keys.end(), [&](const V& have) { return JinjaEqual(have, key, rt.budget); })) continue;
      keys.push_back(std::move(key));
      kept.push_back(item);
    }
    return kept;
  });
}

V Batch(const V& value, const B& a, R& rt) {
  return rt.Lazily([&] {
    const int64_t size = JinjaToInt(*a[0], "batch's size");
    const V* fill = a.NotNone(1);
    std::vector<V> out, row;
    for (const V& item : JinjaIterate(value, rt.budget)) {
      if (static_cast<int64_t>(row.size()) == size) out.push_back(rt.List(std::exchange(row, {})));
      row.push_back(item);
    }
    if (row.empty()) return out;
    if (fill != nullptr && size > static_cast<int64_t>(row.size())) {
      rt.budget.Size(static_cast<size_t>(size));
      rt.budget.Bytes(static_cast<size_t>(size) * sizeof(V));
      row.resize(static_cast<size_t>(size), *fill);
    }
    out.push_back(rt.List(std::move(row)));
    return out;
  });
}

V Slice(const V& value, const B& a, R& rt) {
  return rt.Lazily([&] {
    const std::vector<V> items = JinjaIterate(value, rt.budget);
    const int64_t slices = JinjaToInt(*a[0], "slice's number");
    const V* fill = a.NotNone(1);
    if (slices == 0) ThrowJinja("division by zero");
    std::vector<V> out;
    if (slices < 0) return out;
    if (slices > 100'000) ThrowJinja("pith lacks slices in more than 100000 parts");
    const auto count = static_cast<int64_t>(items.size());
    const int64_t each = count / slices, with_extra = count % slices;
    for (int64_t i = 0, at = 0; i < slices; ++i) {
      const int64_t size = each + (i < with_extra);
      std::vector<V> part(items.begin() + at, items.begin() + at + size);
      if (fill != nullptr && i >= with_extra) part.push_back(*fill);
      out.push_back(rt.List(std::move(part)));
      at += size;
    }
    return out;
  });
}

V Reverse(const V& v, const B&, R& rt) {
  std::vector<V> items = JinjaIterate(v, rt.budget);
  std::reverse(items.begin(), items.end());
  if (v.As<JinjaGenerator>() != nullptr) return rt.List(std::move(items));
  if (!v.IsString()) return rt.Generator(std::move(items));
  std::string text;
  for (const V& item : items) text += item.AsString();
  return JinjaMarkupLike(v, rt.Text(std::move(text)), rt);
}

V Items(const V& v, const B&, R& rt) {
  return rt.Lazily([&] { return v.IsUndefined() ? std::vector<V>() : JinjaIterate(ItemsOf(v, "items", rt), rt.budget); });
}

V First(const V& value, const B&, R& rt) {
  const auto nothing = [] { return V::Undefined("there is no first of no items", JinjaUndefined::kSentence); };
  if (const auto generator = value.As<JinjaGenerator>()) {
    const V* item = generator->Next();
    return item != nullptr ? *item : nothing();
  }
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  return items.empty() ? nothing() : items.front();
}

V Last(const V& value, const B&, R& rt) {
  if (value.As<JinjaGenerator>() != nullptr) ThrowJinja("a generator has no last item; make it a list first");
  const std::vector<V> items = JinjaIterate(value, rt.budget);
  return items.empty() ? V::Undefined("there is no last of no items", JinjaUndefined::kSentence) : items.back();
}

}  // namespace

JinjaValue JinjaLookup(const JinjaValue& item, const JinjaValue* path, JinjaRuntime& rt, const JinjaValue* missing) {
  if (path == nullptr || path->IsNone()) return item;
  const auto step = [&](const V& from, const V& key) {
    V found = JinjaItem(from, key, rt);
    return found.IsUndefined() && missing != nullptr ? *missing : found;
  };
  if (!path->IsString()) return step(item, *path);
  V found = item;
  const std::string& text = path->AsString();
  for (size_t at = 0; at <= text.size();) {
    const size_t dot = std::min(text.find('.', at), text.size());
    const std::string part = text.substr(at, dot - at);
    int64_t index = 0;
    const auto end = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = !part.empty() && end.ec == std::errc() && end.ptr == part.data() + part.size() && part[0] != '-';
    found = step(found, number ? V(index) : V(part));
    at = dot + 1;
  }
  return found;
}

JinjaValue JinjaFolded(const JinjaValue& value, bool case_sensitive) {
  return !case_sensitive && value.IsString() ? V(PythonLower(value.AsString())) : value;
}

const JinjaFilterMap& JinjaListFilters() {
  static const JinjaFilterMap filters = {
      {"batch", {"linecount, fill_with=", Batch}},
      {"dictsort", {"case_sensitive=, by=, reverse=", DictSort}},
      {"first", {"", First}},
      {"groupby", {"attribute, default=, case_sensitive=", GroupBy}},
      {"items", {"", Items}},
      {"last", {"", Last}},
      {"list", {"", [](const V& v, const B&, R& rt) { return rt.List(JinjaIterate(v, rt.budget)); }}},
      {"reverse", {"", Reverse}},
      {"slice", {"slices, fill_with=", Slice}},
      {"sort", {"reverse=, case_sensitive=, attribute=", Sort}},
      {"unique", {"case_sensitive=, attribute=", Unique}},
  };
  return filters;
}

}  // namespace pith
