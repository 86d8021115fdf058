// Attributes, items and slices of values.
#include <algorithm>

#include "data/template/jinja_arithmetic.h"
#include "data/template/jinja_globals.h"
#include "data/template/jinja_markup.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

JinjaValue Index(const std::vector<JinjaValue>& items, int64_t index) {
  const auto count = static_cast<int64_t>(items.size());
  if (index < 0) index += count;
  if (index < 0 || index >= count) return JinjaValue::Undefined(Str("item ", index), JinjaUndefined::kAttribute, "list");
  return items[static_cast<size_t>(index)];
}

const JinjaValue& LoopItem(const JinjaLoop& loop, int64_t index, JinjaValue& missing, const char* name) {
  const auto& items = loop.items.Items();
  if (index < 0 || index >= static_cast<int64_t>(items.size())) return missing = JinjaValue::Undefined(name, JinjaUndefined::kSentence);
  return items[static_cast<size_t>(index)];
}

JinjaValue LoopAttribute(const std::shared_ptr<JinjaLoop>& loop, const std::string& name) {
  const auto length = static_cast<int64_t>(loop->items.Items().size());
  const int64_t index = loop->index;
  JinjaValue missing;
  if (name == "index") return JinjaValue(index + 1);
  if (name == "index0") return JinjaValue(index);
  if (name == "first") return JinjaValue(index == 0);
  if (name == "last") return JinjaValue(index + 1 == length);
  if (name == "length") return JinjaValue(length);
  if (name == "revindex") return JinjaValue(length - index);
  if (name == "revindex0") return JinjaValue(length - index - 1);
  if (name == "depth") return JinjaValue(loop->depth0 + 1);
  if (name == "depth0") return JinjaValue(loop->depth0);
  if (name == "previtem") return LoopItem(*loop, index - 1, missing, "there is no previous item");
  if (name == "nextitem") return LoopItem(*loop, index + 1, missing, "there is no next item");
  return JinjaValue::Undefined(name, JinjaUndefined::kAttribute, "loop");
}

// What an object has beside its methods; nothing for what it has not.
std::optional<JinjaValue> ObjectAttribute(const JinjaValue& object, const std::string& name) {
  if (const auto loop = object.As<JinjaLoop>()) return LoopAttribute(loop, name);
  if (const auto space = object.As<JinjaNamespace>()) {
    const JinjaValue* found = space->Find(name);
    return found != nullptr ? std::optional(*found) : std::nullopt;
  }
  if (const auto view = object.As<JinjaView>(); view != nullptr && view->kind == JinjaView::kRange) {
    if (name == "start") return JinjaValue(view->start);
    if (name == "stop") return JinjaValue(view->stop);
    if (name == "step") return JinjaValue(view->step);
  }
  if (const auto cycler = object.As<JinjaCycler>()) {
    if (name == "items") return cycler->items;
    if (name == "pos") return JinjaValue(static_cast<int64_t>(cycler->place));
    if (name == "current") return cycler->items.Items()[cycler->place];
  }
  if (const auto joiner = object.As<JinjaJoiner>()) {
    if (name == "sep") return joiner->separator();
    if (name == "used") return JinjaValue(joiner->used);
  }
  if (const auto function = object.As<JinjaFunction>(); function != nullptr && function->name == "dict" && name == "fromkeys") {
    return JinjaValue(std::make_shared<JinjaMethod>(JinjaValue::Dict({}), name));
  }
  return object.Object()->Attribute(name);
}

JinjaValue MethodOf(const JinjaValue& object, const std::string& name) { return JinjaValue(std::make_shared<JinjaMethod>(object, name)); }

// A method or another attribute of Python's type; nothing where it has none of that name.
std::optional<JinjaValue> TypeAttribute(const JinjaValue& object, const std::string& name) {
  if (JinjaHasMethod(object, name)) return MethodOf(object, name);
  if (name.starts_with("__") || JinjaForbids(object, name)) return JinjaValue::Undefined(name, JinjaUndefined::kForbidden, object.TypeName());
  if (JinjaLacksAttribute(object, name)) ThrowJinja("pith lacks '", name, "' of a ", object.TypeName());
  if (object.IsNumber()) return JinjaNumberAttribute(object, name);
  if (object.IsGroup() && name == "grouper") return object.Items()[0];
  if (object.IsGroup() && name == "list") return object.Items()[1];
  return object.IsObject() ? ObjectAttribute(object, name) : std::nullopt;
}

JinjaValue Missing(const JinjaValue& object, const std::string& name) {
  return JinjaValue::Undefined(name, JinjaUndefined::kAttribute, object.TypeName());
}

}  // namespace

JinjaValue* JinjaNamespace::Find(std::string_view name) {
  for (auto& [have, value] : values) {
    if (have == name) return &value;
  }
  return nullptr;
}

JinjaValue JinjaTypeAttribute(const JinjaValue& object, const std::string& name, JinjaRuntime& rt) {
  rt.budget.Step();
  return TypeAttribute(object, name).value_or(Missing(object, name));
}

JinjaValue JinjaAttribute(const JinjaValue& object, const std::string& name, JinjaRuntime& rt) {
  rt.budget.Step();
  if (object.IsUndefined()) ThrowJinja(object.UndefinedReason(), ", and so has no '", name, "'");
  if (auto found = TypeAttribute(object, name)) return *std::move(found);
  if (object.IsDict()) {
    if (const JinjaValue* found = object.Find(JinjaValue(name), rt.budget)) return *found;
  }
  return Missing(object, name);
}

JinjaValue JinjaItem(const JinjaValue& object, const JinjaValue& index, JinjaRuntime& rt) {
  rt.budget.Step();
  if (object.IsUndefined()) ThrowJinja(object.UndefinedReason(), ", and so has no items");
  const auto view = object.As<JinjaView>();
  if (object.IsDict()) {
    if (const JinjaValue* found = object.Find(index, rt.budget)) return *found;
  } else if (index.IsInt() || index.IsBool()) {
    if (object.IsList()) return Index(object.Items(), index.AsInt());
    if (object.IsString()) return JinjaMarkupLike(object, Index(JinjaIterate(object, rt.budget), index.AsInt()), rt);
    if (view != nullptr && view->kind == JinjaView::kRange) return Index(view->items.Items(), index.AsInt());
  }
  if (index.IsString()) {
    if (auto found = TypeAttribute(object, index.AsString())) return *std::move(found);
    return Missing(object, index.AsString());
  }
  return JinjaValue::Undefined("item " + JinjaRepr(index, rt.budget), JinjaUndefined::kAttribute, object.TypeName());
}

JinjaValue JinjaSlice(const JinjaValue& object, const JinjaValue* start, const JinjaValue* stop, const JinjaValue* step,
                      JinjaRuntime& rt) {
  if (object.IsUndefined()) ThrowJinja(object.UndefinedReason(), ", and so cannot be sliced");
  const auto view = object.As<JinjaView>();
  const bool range = view != nullptr && view->kind == JinjaView::kRange;
  if (!object.IsString() && !object.IsList() && !range) ThrowJinja("a ", object.TypeName(), " cannot be sliced");
  const auto given = [](const JinjaValue* value) { return value != nullptr && !value->IsNone(); };
  const std::vector<JinjaValue> items = JinjaIterate(object, rt.budget);
  const auto count = static_cast<int64_t>(items.size());
  const int64_t stride = given(step) ? JinjaToInt(*step, "a slice's step") : 1;
  if (stride == 0) ThrowJinja("a slice's step cannot be zero");
  const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? count : count - 1;
  const auto bound = [&](const JinjaValue* value, int64_t missing) {
    if (!given(value)) return missing;
    int64_t at = JinjaToInt(*value, "a slice's bound");
    if (at < 0) at += count;
    return std::clamp(at, low, high);
  };
  const int64_t from = bound(start, stride > 0 ? low : high), to = bound(stop, stride > 0 ? high : low);
  if (range) {
    const auto number = [&](int64_t place) {
      return JinjaArithmetic("+", JinjaValue(view->start), JinjaArithmetic("*", JinjaValue(place), JinjaValue(view->step))).AsInt();
    };
    return JinjaView::Range(number(from), number(to), JinjaArithmetic("*", JinjaValue(view->step), JinjaValue(stride)).AsInt(), rt.budget);
  }
  std::vector<JinjaValue> picked;
  for (int64_t i = from; stride > 0 ? i < to : i > to;) {
    picked.push_back(items[static_cast<size_t>(i)]);
    if (__builtin_add_overflow(i, stride, &i)) break;
  }
  if (object.IsList()) return rt.List(std::move(picked), object.IsTuple());
  std::string text;
  for (const JinjaValue& item : picked) text += item.AsString();
  return JinjaMarkupLike(object, rt.Text(std::move(text)), rt);
}

}  // namespace pith
