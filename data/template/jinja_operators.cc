#include <algorithm>
#include <cmath>
#include <cstdio>

#include "data/template/jinja_markup.h"
#include "data/template/jinja_runtime.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

[[noreturn]] void Unsupported(std::string_view op, const JinjaValue& a, const JinjaValue& b) {
  for (const JinjaValue* value : {&a, &b}) {
    if (value->IsUndefined()) ThrowJinja("'", value->UndefinedName(), "' is undefined");
  }
  ThrowJinja("'", a.TypeName(), "' ", op, " '", b.TypeName(), "' is not possible");
}

JinjaValue IntegerOperation(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == "**") {
    if (b < 0 && a == 0) ThrowJinja("division by zero");
    if (b < 0) return JinjaValue(std::pow(static_cast<double>(a), static_cast<double>(b)));
    result = 1;
    for (int64_t i = 0; i < b && !overflow && (a != 1 && a != 0 && a != -1); ++i) {
      overflow = __builtin_mul_overflow(result, a, &result);
    }
    if (a == 0) result = b == 0;
    if (a == -1) result = b % 2 == 0 ? 1 : -1;
  } else {  // // and %, rounding towards minus infinity
    if (b == 0) ThrowJinja("division by zero");
    if (b == -1) {
      overflow = op == "//" && __builtin_sub_overflow(int64_t{0}, a, &result);
    } else {
      const bool down = a % b != 0 && (a % b < 0) != (b < 0);
      result = op == "//" ? a / b - down : a % b + (down ? b : 0);
    }
  }
  if (overflow) ThrowJinja(a, " ", op, " ", b, " is beyond 64 bits");
  return JinjaValue(result);
}

JinjaValue FloatOperation(std::string_view op, double a, double b) {
  if (op == "+") return JinjaValue(a + b);
  if (op == "-") return JinjaValue(a - b);
  if (op == "*") return JinjaValue(a * b);
  if (op == "**") return JinjaValue(std::pow(a, b));
  if (b == 0) ThrowJinja("division by zero");
  if (op == "/") return JinjaValue(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return JinjaValue(op == "%" ? rest : std::floor((a - rest) / b + 0.5));
}

JinjaValue Repeat(const JinjaValue& what, int64_t times, JinjaRuntime& rt) {
  times = std::max<int64_t>(times, 0);
  const size_t size = what.IsString() ? what.AsString().size() : what.Items().size() * sizeof(JinjaValue);
  if (size > 0 && times > static_cast<int64_t>(JinjaBudget::kMaxTextBytes / size)) {
    ThrowJinja("repeating ", size, " bytes ", times, " times is more than pith allows");
  }
  if (size == 0) return what;
  rt.budget.Bytes(size * static_cast<size_t>(times));
  if (what.IsString()) {
    std::string out;
    out.reserve(size * static_cast<size_t>(times));
    for (int64_t i = 0; i < times; ++i) out += what.AsString();
    return JinjaValue(std::move(out));
  }
  std::vector<JinjaValue> items;
  for (int64_t i = 0; i < times; ++i) items.insert(items.end(), what.Items().begin(), what.Items().end());
  return JinjaValue::List(std::move(items), what.IsTuple());
}

JinjaValue Index(const std::vector<JinjaValue>& items, int64_t index) {
  const auto count = static_cast<int64_t>(items.size());
  if (index < 0) index += count;
  if (index < 0 || index >= count) return JinjaValue::Undefined(Str("item ", index));
  return items[static_cast<size_t>(index)];
}

const JinjaValue& LoopItem(const JinjaLoop& loop, int64_t index, JinjaValue& missing, const char* name) {
  const auto& items = loop.items.Items();
  if (index < 0 || index >= static_cast<int64_t>(items.size())) return missing = JinjaValue::Undefined(name);
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
  if (name == "previtem") return LoopItem(*loop, index - 1, missing, "there is no previous item, loop.previtem");
  if (name == "nextitem") return LoopItem(*loop, index + 1, missing, "there is no next item, loop.nextitem");
  return JinjaValue::Undefined("loop." + name);
}

}  // namespace

JinjaValue* JinjaNamespace::Find(std::string_view name) {
  for (auto& [have, value] : values) {
    if (have == name) return &value;
  }
  return nullptr;
}

int64_t JinjaToInt(const JinjaValue& value, std::string_view what) {
  if (!value.IsInt() && !value.IsBool()) ThrowJinja(what, " must be an integer, not '", value.TypeName(), "'");
  return value.AsInt();
}

JinjaValue JinjaBinary(std::string_view op, const JinjaValue& a, const JinjaValue& b, JinjaRuntime& rt) {
  if (a.IsNumber() && b.IsNumber()) {
    if (a.IsFloat() || b.IsFloat() || op == "/") return FloatOperation(op, a.AsDouble(), b.AsDouble());
    return IntegerOperation(op, a.AsInt(), b.AsInt());
  }
  if (op == "+" && a.IsString() && b.IsString()) {
    if (!a.IsMarkup() && !b.IsMarkup()) return rt.Text(a.AsString() + b.AsString());
    return JinjaValue::Markup(rt.Text(JinjaToMarkup(a, rt).AsString() + JinjaToMarkup(b, rt).AsString()));
  }
  if (op == "+" && a.IsList() && b.IsList() && a.IsTuple() == b.IsTuple()) {
    std::vector<JinjaValue> items = a.Items();
    items.insert(items.end(), b.Items().begin(), b.Items().end());
    return rt.List(std::move(items), a.IsTuple());
  }
  if (op == "*" && (a.IsString() || a.IsList()) && (b.IsInt() || b.IsBool())) return JinjaMarkupLike(a, Repeat(a, b.AsInt(), rt), rt);
  if (op == "*" && (b.IsString() || b.IsList()) && (a.IsInt() || a.IsBool())) return JinjaMarkupLike(b, Repeat(b, a.AsInt(), rt), rt);
  if (op == "%" && a.IsString()) {
    return JinjaPercentFormat(a, b.IsTuple() ? b.Items() : std::vector<JinjaValue>{b}, rt);
  }
  Unsupported(op, a, b);
}

bool JinjaContains(const JinjaValue& container, const JinjaValue& item, JinjaRuntime& rt) {
  if (container.IsUndefined()) return false;
  if (container.IsString()) {
    if (!item.IsString()) ThrowJinja("'in' a string needs a string on its left, not '", item.TypeName(), "'");
    rt.budget.Step(static_cast<int64_t>(container.AsString().size() / 32));
    return JinjaFind(container.AsString(), item.AsString()) != std::string::npos;
  }
  if (container.IsDict()) return container.Find(item, rt.budget) != nullptr;
  if (container.IsList() || container.As<JinjaGenerator>() != nullptr) {
    for (const JinjaValue& have : JinjaIterate(container, rt.budget)) {
      if (JinjaEqual(have, item, rt.budget)) return true;
    }
    return false;
  }
  ThrowJinja("'in' cannot look into '", container.TypeName(), "'");
}

bool JinjaCompare(std::string_view op, const JinjaValue& a, const JinjaValue& b, JinjaRuntime& rt) {
  if (op == "==") return JinjaEqual(a, b, rt.budget);
  if (op == "!=") return !JinjaEqual(a, b, rt.budget);
  if (op == "in") return JinjaContains(b, a, rt);
  if (op == "not in") return !JinjaContains(b, a, rt);
  if ((a.IsFloat() && std::isnan(a.AsDouble())) || (b.IsFloat() && std::isnan(b.AsDouble()))) return false;
  const int order = JinjaOrder(a, b, rt.budget);
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

JinjaValue JinjaAttribute(const JinjaValue& object, const std::string& name, JinjaRuntime& rt) {
  rt.budget.Step();
  if (object.IsUndefined()) ThrowJinja("'", object.UndefinedName(), "' is undefined, and so has no '", name, "'");
  if (JinjaHasMethod(object, name)) return JinjaValue(std::make_shared<JinjaMethod>(object, name));
  if (object.IsDict()) {
    const JinjaValue* found = object.Find(JinjaValue(name), rt.budget);
    return found != nullptr ? *found : JinjaValue::Undefined(name);
  }
  if (const auto loop = object.As<JinjaLoop>()) return LoopAttribute(loop, name);
  if (const auto space = object.As<JinjaNamespace>()) {
    const JinjaValue* found = space->Find(name);
    return found != nullptr ? *found : JinjaValue::Undefined(name);
  }
  return JinjaValue::Undefined(name);
}

JinjaValue JinjaItem(const JinjaValue& object, const JinjaValue& index, JinjaRuntime& rt) {
  rt.budget.Step();
  if (object.IsUndefined()) ThrowJinja("'", object.UndefinedName(), "' is undefined, and so has no items");
  if (object.IsDict()) {
    if (const JinjaValue* found = object.Find(index, rt.budget)) return *found;
  } else if (object.IsList() && (index.IsInt() || index.IsBool())) {
    return Index(object.Items(), index.AsInt());
  } else if (object.IsString() && (index.IsInt() || index.IsBool())) {
    return JinjaMarkupLike(object, Index(JinjaIterate(object, rt.budget), index.AsInt()), rt);
  }
  if (index.IsString()) return JinjaAttribute(object, index.AsString(), rt);
  return JinjaValue::Undefined("item " + JinjaRepr(index, rt.budget));
}

JinjaValue JinjaSlice(const JinjaValue& object, const JinjaValue* start, const JinjaValue* stop, const JinjaValue* step,
                      JinjaRuntime& rt) {
  if (!object.IsString() && !object.IsList()) {
    if (object.IsUndefined()) ThrowJinja("'", object.UndefinedName(), "' is undefined, and so cannot be sliced");
    return JinjaValue::Undefined("slice");
  }
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
