#include <algorithm>
#include <cmath>

#include "data/template/jinja_arithmetic.h"
#include "data/template/jinja_formats.h"
#include "data/template/jinja_markup.h"

namespace pith {
namespace {

[[noreturn]] void Unsupported(std::string_view op, const JinjaValue& a, const JinjaValue& b) {
  for (const JinjaValue* value : {&a, &b}) {
    if (value->IsUndefined()) ThrowJinja(value->UndefinedReason());
    const auto view = value->As<JinjaView>();
    if (op == "-" && view != nullptr && view->IsSet()) ThrowJinja("pith lacks the sets that '-' makes of ", a.TypeName(), " and ", b.TypeName());
  }
  ThrowJinja("'", a.TypeName(), "' ", op, " '", b.TypeName(), "' is not possible");
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

}  // namespace

int64_t JinjaToInt(const JinjaValue& value, std::string_view what) {
  if (!value.IsInt() && !value.IsBool()) ThrowJinja(what, " must be an integer, not '", value.TypeName(), "'");
  return value.AsInt();
}

JinjaValue JinjaBinary(std::string_view op, const JinjaValue& a, const JinjaValue& b, JinjaRuntime& rt) {
  if (a.IsNumber() && b.IsNumber()) return JinjaArithmetic(op, a, b);
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
    return JinjaPercentFormat(a, b, rt);
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
  const auto holds = [&](const std::vector<JinjaValue>& items) {
    return std::any_of(items.begin(), items.end(), [&](const JinjaValue& have) { return JinjaEqual(have, item, rt.budget); });
  };
  if (container.IsDict()) {
    JinjaCheckHashable(item);
    return container.Find(item, rt.budget) != nullptr;
  }
  if (container.IsList()) return holds(container.Items());
  if (const auto view = container.As<JinjaView>()) {
    if (view->kind == JinjaView::kKeys) JinjaCheckHashable(item);
    return holds(view->items.Items());
  }
  if (const auto generator = container.As<JinjaGenerator>()) {
    while (const JinjaValue* have = generator->Next()) {
      if (JinjaEqual(*have, item, rt.budget)) return true;
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

}  // namespace pith
