#include "data/template/jinja_value.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/template/python_characters.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

int CheckedDepth(int depth) {
  if (depth > JinjaBudget::kMaxValueDepth) ThrowJinja("values are nested deeper than ", JinjaBudget::kMaxValueDepth);
  return depth;
}

int Sign(double a, double b) { return a < b ? -1 : a > b ? 1 : 0; }

// Exactly, as Python compares them: not every 64-bit integer is a double.
int Sign(int64_t a, double b) {
  if (std::isnan(b)) return 0;
  if (b >= 0x1p63) return -1;
  if (b < -0x1p63) return 1;
  const auto whole = static_cast<int64_t>(b);
  if (a != whole) return a < whole ? -1 : 1;
  return Sign(0.0, b - std::trunc(b));
}

int SignOfNumbers(const JinjaValue& a, const JinjaValue& b) {
  if (a.IsFloat() && b.IsFloat()) return Sign(a.AsDouble(), b.AsDouble());
  if (b.IsFloat()) return Sign(a.AsInt(), b.AsDouble());
  if (a.IsFloat()) return -Sign(b.AsInt(), a.AsDouble());
  return a.AsInt() < b.AsInt() ? -1 : a.AsInt() > b.AsInt();
}

bool IsNan(const JinjaValue& value) { return value.IsFloat() && std::isnan(value.AsDouble()); }

bool Holds(const JinjaValue& list, const JinjaValue& item, JinjaBudget& budget) {
  return std::any_of(list.Items().begin(), list.Items().end(), [&](const JinjaValue& have) { return JinjaEqual(have, item, budget); });
}

bool ViewsEqual(const JinjaView& a, const JinjaView& b, JinjaBudget& budget) {
  if (&a == &b) return true;
  if (a.kind == JinjaView::kRange && b.kind == JinjaView::kRange) return JinjaEqual(a.items, b.items, budget);
  if (!a.IsSet() || !b.IsSet() || a.items.Items().size() != b.items.Items().size()) return false;
  const auto& mine = a.items.Items();
  return std::all_of(mine.begin(), mine.end(), [&](const JinjaValue& item) { return Holds(b.items, item, budget); });
}

}  // namespace

std::optional<JinjaValue> JinjaObject::Attribute(std::string_view) const { return std::nullopt; }

JinjaValue JinjaValue::Undefined(const std::string& name, JinjaUndefined::Kind kind, const char* owner) {
  JinjaValue value;
  value.data_ = JinjaUndefined{kind, owner, std::make_shared<const std::string>(name)};
  return value;
}

std::string JinjaValue::UndefinedReason() const {
  const auto& missing = std::get<JinjaUndefined>(data_);
  switch (missing.kind) {
    case JinjaUndefined::kAttribute: return Str("a ", missing.owner, " has no '", *missing.name, "'");
    case JinjaUndefined::kForbidden: return Str("a template may not reach '", *missing.name, "' of a ", missing.owner);
    case JinjaUndefined::kSentence: return *missing.name;
    case JinjaUndefined::kName: break;
  }
  return Str("'", *missing.name, "' is undefined");
}

JinjaValue JinjaValue::List(std::vector<JinjaValue> items, bool tuple) {
  auto list = std::make_shared<JinjaList>();
  for (const JinjaValue& item : items) list->depth = std::max(list->depth, item.Depth() + 1);
  CheckedDepth(list->depth);
  list->items = std::move(items);
  list->tuple = tuple;
  JinjaValue value;
  value.data_ = std::shared_ptr<const JinjaList>(std::move(list));
  return value;
}

JinjaValue JinjaValue::Group(JinjaValue grouper, JinjaValue list) {
  auto group = std::make_shared<JinjaList>();
  group->depth = CheckedDepth(std::max(grouper.Depth(), list.Depth()) + 1);
  group->items = {std::move(grouper), std::move(list)};
  group->tuple = group->group = true;
  JinjaValue value;
  value.data_ = std::shared_ptr<const JinjaList>(std::move(group));
  return value;
}

JinjaValue JinjaValue::Dict(std::vector<std::pair<JinjaValue, JinjaValue>> entries) {
  auto dict = std::make_shared<JinjaDict>();
  for (const auto& [key, item] : entries) dict->depth = std::max({dict->depth, item.Depth() + 1, key.Depth() + 1});
  CheckedDepth(dict->depth);
  dict->entries = std::move(entries);
  JinjaValue value;
  value.data_ = std::shared_ptr<const JinjaDict>(std::move(dict));
  return value;
}

bool JinjaValue::IsTuple() const { return IsList() && std::get<std::shared_ptr<const JinjaList>>(data_)->tuple; }
bool JinjaValue::IsGroup() const { return IsList() && std::get<std::shared_ptr<const JinjaList>>(data_)->group; }
bool JinjaValue::IsSame(const JinjaValue& other) const {
  if (data_.index() != other.data_.index() || markup_ != other.markup_) return false;
  if (IsUndefined() || IsNone()) return true;
  if (IsBool()) return AsBool() == other.AsBool();
  if (IsInt()) return AsInt() == other.AsInt();
  if (IsFloat()) return AsDouble() == other.AsDouble();
  if (IsString()) return AsString() == other.AsString();
  if (IsList()) return &Items() == &other.Items();
  if (IsDict()) return &Entries() == &other.Entries();
  return Object() == other.Object();
}
const std::vector<JinjaValue>& JinjaValue::Items() const {
  return std::get<std::shared_ptr<const JinjaList>>(data_)->items;
}
const std::vector<std::pair<JinjaValue, JinjaValue>>& JinjaValue::Entries() const {
  return std::get<std::shared_ptr<const JinjaDict>>(data_)->entries;
}

int JinjaValue::Depth() const {
  if (IsList()) return std::get<std::shared_ptr<const JinjaList>>(data_)->depth;
  if (IsDict()) return std::get<std::shared_ptr<const JinjaDict>>(data_)->depth;
  if (IsObject()) return Object()->Depth();
  return 0;
}

bool JinjaValue::Truthy() const {
  if (IsUndefined() || IsNone()) return false;
  if (IsFloat()) return AsDouble() != 0.0;
  if (IsNumber()) return AsInt() != 0;
  if (IsString()) return !AsString().empty();
  if (IsList()) return !Items().empty();
  if (IsDict()) return !Entries().empty();
  return Object()->Length() != 0;
}

const char* JinjaValue::TypeName() const {
  if (IsUndefined()) return "Undefined";
  if (IsNone()) return "NoneType";
  if (IsBool()) return "bool";
  if (IsInt()) return "int";
  if (IsFloat()) return "float";
  if (IsString()) return "str";
  if (IsTuple()) return "tuple";
  if (IsList()) return "list";
  if (IsDict()) return "dict";
  return Object()->TypeName();
}

const JinjaValue* JinjaValue::Find(const JinjaValue& key, JinjaBudget& budget) const {
  const auto& entries = Entries();
  budget.Step(static_cast<int64_t>(entries.size() / 8));
  for (const auto& [have, value] : entries) {
    if (JinjaEqual(have, key, budget)) return &value;
  }
  return nullptr;
}

bool JinjaEqual(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  budget.Step();
  if (a.IsNumber() && b.IsNumber()) return !IsNan(a) && !IsNan(b) && SignOfNumbers(a, b) == 0;
  if (a.IsString() && b.IsString()) {
    budget.Step(static_cast<int64_t>(std::min(a.AsString().size(), b.AsString().size()) / 64));
    return a.AsString() == b.AsString();
  }
  if (a.IsList() && b.IsList()) {
    if (a.IsTuple() != b.IsTuple() || a.Items().size() != b.Items().size()) return false;
    for (size_t i = 0; i < a.Items().size(); ++i) {
      if (!JinjaEqual(a.Items()[i], b.Items()[i], budget)) return false;
    }
    return true;
  }
  if (a.IsDict() && b.IsDict()) {
    if (a.Entries().size() != b.Entries().size()) return false;
    for (const auto& [key, value] : a.Entries()) {
      const JinjaValue* other = b.Find(key, budget);
      if (other == nullptr || !JinjaEqual(value, *other, budget)) return false;
    }
    return true;
  }
  if (a.IsObject() && b.IsObject()) {
    const auto mine = a.As<JinjaView>(), other = b.As<JinjaView>();
    return mine != nullptr && other != nullptr ? ViewsEqual(*mine, *other, budget) : a.Object() == b.Object();
  }
  return (a.IsNone() && b.IsNone()) || (a.IsUndefined() && b.IsUndefined());
}

int JinjaOrder(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  budget.Step();
  if (a.IsNumber() && b.IsNumber()) return SignOfNumbers(a, b);
  if (a.IsString() && b.IsString()) {
    budget.Step(static_cast<int64_t>(std::min(a.AsString().size(), b.AsString().size()) / 64));
    return a.AsString().compare(b.AsString());  // UTF-8 sorts as its code points do
  }
  if (a.IsList() && b.IsList() && a.IsTuple() == b.IsTuple()) {
    const size_t common = std::min(a.Items().size(), b.Items().size());
    for (size_t i = 0; i < common; ++i) {
      if (!JinjaEqual(a.Items()[i], b.Items()[i], budget)) return JinjaOrder(a.Items()[i], b.Items()[i], budget);
    }
    return Sign(static_cast<double>(a.Items().size()), static_cast<double>(b.Items().size()));
  }
  if (a.IsUndefined()) ThrowJinja(a.UndefinedReason());
  if (b.IsUndefined()) ThrowJinja(b.UndefinedReason());
  if (a.As<JinjaView>() != nullptr && b.As<JinjaView>() != nullptr) ThrowJinja("pith lacks the order of ", a.TypeName());
  ThrowJinja("'", a.TypeName(), "' and '", b.TypeName(), "' cannot be ordered");
}

std::vector<JinjaValue> JinjaIterate(const JinjaValue& value, JinjaBudget& budget) {
  if (value.IsUndefined()) return {};
  std::vector<JinjaValue> items;
  if (const auto generator = value.As<JinjaGenerator>()) {
    while (const JinjaValue* item = generator->Next()) items.push_back(*item);
  } else if (const auto view = value.As<JinjaView>()) {
    items = view->items.Items();
  } else if (value.IsList()) {
    items = value.Items();
  } else if (value.IsDict()) {
    for (const auto& [key, item] : value.Entries()) items.push_back(key);
  } else if (value.IsString()) {
    const std::string& text = value.AsString();
    budget.Step(static_cast<int64_t>(text.size()));
    budget.Bytes(text.size() * sizeof(JinjaValue));
    for (size_t at = 0; at < text.size();) {
      const size_t size = DecodeUtf8(text, at).size;
      items.emplace_back(text.substr(at, size));
      at += size;
    }
  } else {
    ThrowJinja("'", value.TypeName(), "' cannot be iterated over");
  }
  budget.Step(static_cast<int64_t>(items.size()));
  budget.Bytes(items.size() * sizeof(JinjaValue));
  return items;
}

int64_t JinjaLength(const JinjaValue& value) {
  if (value.IsUndefined()) return 0;
  if (value.IsString()) return static_cast<int64_t>(CountCodePoints(value.AsString()));
  if (value.IsList()) return static_cast<int64_t>(value.Items().size());
  if (value.IsDict()) return static_cast<int64_t>(value.Entries().size());
  const auto length = value.IsObject() ? value.Object()->Length() : std::nullopt;
  if (!length) ThrowJinja("'", value.TypeName(), "' has no length");
  return *length;
}

bool JinjaIsIterable(const JinjaValue& value) {
  return value.IsUndefined() || value.IsString() || value.IsList() || value.IsDict() || value.As<JinjaView>() != nullptr || value.As<JinjaGenerator>() != nullptr;
}

void JinjaCheckHashable(const JinjaValue& value) {
  if (value.IsDict() || (value.IsList() && !value.IsTuple())) ThrowJinja("a ", value.TypeName(), " cannot be a key");
  if (const auto view = value.As<JinjaView>(); view != nullptr && view->IsSet()) ThrowJinja("a ", value.TypeName(), " cannot be a key");
  if (!value.IsTuple()) return;
  for (const JinjaValue& item : value.Items()) JinjaCheckHashable(item);
}

const JinjaValue* JinjaGenerator::Next() {
  if (!error.empty() && next == 0) {
    ++next;
    throw JinjaError(error);
  }
  return next < items.Items().size() ? &items.Items()[next++] : nullptr;
}

const char* JinjaView::TypeName() const {
  static constexpr const char* kNames[] = {"range", "dict_keys", "dict_values", "dict_items"};
  return kNames[kind];
}

JinjaValue JinjaView::Of(Kind kind, JinjaValue list) {
  auto view = std::make_shared<JinjaView>();
  view->kind = kind;
  view->items = std::move(list);
  return JinjaValue(std::static_pointer_cast<JinjaObject>(view));
}

JinjaValue JinjaView::Range(int64_t start, int64_t stop, int64_t step, JinjaBudget& budget) {
  constexpr size_t kMax = 100'000;
  if (step == 0) ThrowJinja("range's step cannot be zero");
  std::vector<JinjaValue> numbers;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (numbers.size() >= kMax) ThrowJinja("range gives more than ", kMax, " numbers");
    numbers.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  budget.Bytes(numbers.size() * sizeof(JinjaValue));
  budget.Step(static_cast<int64_t>(numbers.size()));
  auto view = std::make_shared<JinjaView>();
  view->items = JinjaValue::List(std::move(numbers));
  view->start = start;
  view->stop = stop;
  view->step = step;
  return JinjaValue(std::static_pointer_cast<JinjaObject>(view));
}

}  // namespace pith
