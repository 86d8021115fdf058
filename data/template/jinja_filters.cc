// Filters over numbers and anything else, and the table that names all filters.
#include "data/template/jinja_filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace pith {
namespace {

using V = JinjaValue;
using A = JinjaArgs;
using R = JinjaRuntime;

V ToJson(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  const V* indent = bound[1] != nullptr && !bound[1]->IsNone() ? bound[1] : nullptr;
  std::string step, item_separator = indent != nullptr ? "," : ", ", key_separator = ": ";
  if (indent != nullptr) {
    const int64_t width = indent->IsString() ? 0 : JinjaToInt(*indent, "tojson's indent");
    if (width > 64) ThrowJinja("pith indents JSON by up to 64 spaces, not ", width);
    step = indent->IsString() ? indent->AsString() : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  if (bound[2] != nullptr && !bound[2]->IsNone()) {
    if (!bound[2]->IsList() || bound[2]->Items().size() != 2 || !bound[2]->Items()[0].IsString() ||
        !bound[2]->Items()[1].IsString()) {
      ThrowJinja("tojson's separators must be two strings");
    }
    item_separator = bound[2]->Items()[0].AsString();
    key_separator = bound[2]->Items()[1].AsString();
  }
  return V(JinjaToJson(value, JinjaFlag(bound[0], false), indent != nullptr ? &step : nullptr, item_separator, key_separator,
                       JinjaFlag(bound[3], false), rt));
}

bool ParseFloat(const std::string& text, double* value) {
  std::string trimmed = JinjaStrip(text, nullptr, JinjaStripSide::kBoth);
  if (!trimmed.empty() && trimmed[0] == '+') trimmed.erase(0, 1);
  const auto end = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), *value);
  const bool huge = end.ec == std::errc::result_out_of_range;
  if (huge) *value = std::strtod(trimmed.c_str(), nullptr);
  return (huge || end.ec == std::errc()) && end.ptr == trimmed.data() + trimmed.size() && !trimmed.empty();
}

V ToInt(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("int", {"default"});
  double number = 0;
  if (value.IsInt() || value.IsBool()) return V(value.AsInt());
  if (value.IsFloat()) {
    number = value.AsDouble();
  } else if (!value.IsString() || !ParseFloat(value.AsString(), &number)) {
    return bound[0] != nullptr ? *bound[0] : V(int64_t{0});
  }
  if (!(std::fabs(number) < 9.2e18)) return bound[0] != nullptr ? *bound[0] : V(int64_t{0});
  return V(static_cast<int64_t>(number));
}

V ToFloat(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("float", {"default"});
  double number = 0;
  if (value.IsNumber()) return V(value.AsDouble());
  if (value.IsString() && ParseFloat(value.AsString(), &number)) return V(number);
  return bound[0] != nullptr ? *bound[0] : V(0.0);
}

V Round(const V& value, const A& args, R& rt) {
  const auto bound = args.Bind("round", {"precision", "method"});
  if (!value.IsNumber()) ThrowJinja("'", value.TypeName(), "' cannot be rounded");
  const int64_t digits = bound[0] != nullptr ? JinjaToInt(*bound[0], "round's precision") : 0;
  const std::string method = bound[1] != nullptr ? JinjaToString(*bound[1], rt.budget) : "common";
  if (digits < 0 || digits > 15) ThrowJinja("pith rounds to 0 to 15 digits, not ", digits);
  if (method == "common") {
    if (!value.IsFloat()) return V(value.AsInt());
    char buffer[400];  // the exact decimal expansion, rounded half to even, as Python's round()
    std::snprintf(buffer, sizeof(buffer), "%.*f", static_cast<int>(digits), value.AsDouble());
    return V(std::strtod(buffer, nullptr));
  }
  if (method != "ceil" && method != "floor")
    ThrowJinja("round's method must be common, ceil or floor, not '", method, "'");
  const double scale = std::pow(10.0, static_cast<double>(digits)), scaled = value.AsDouble() * scale;
  return V((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

V Length(const V& v, const A& a, R&) { return a.Bind("length", {}), V(JinjaLength(v)); }
V Default(const V& v, const A& a, R&) {
  const auto bound = a.Bind("default", {"default_value", "boolean"});
  return v.IsUndefined() || (JinjaFlag(bound[1], false) && !v.Truthy()) ? (bound[0] != nullptr ? *bound[0] : V("")) : v;
}

const JinjaFilterMap& Filters() {
  static const JinjaFilterMap filters = [] {
    JinjaFilterMap all = {
        {"length", Length},
        {"count", Length},
        {"default", Default},
        {"d", Default},
        {"tojson", ToJson},
        {"int", ToInt},
        {"float", ToFloat},
        {"round", Round},
        {"abs",
         [](const V& v, const A& a, R& rt) {
           a.Bind("abs", {});
           if (!v.IsNumber()) ThrowJinja("'", v.TypeName(), "' has no absolute value");
           if (v.IsFloat()) return V(std::fabs(v.AsDouble()));
           return v.AsInt() < 0 ? JinjaBinary("-", V(int64_t{0}), v, rt) : V(v.AsInt());
         }},
        {"attr",
         [](const V& v, const A& a, R& rt) {
           const auto bound = a.Bind("attr", {"name"});
           if (bound[0] == nullptr || !bound[0]->IsString()) ThrowJinja("attr needs a name");
           return v.IsDict() && !JinjaHasMethod(v, bound[0]->AsString()) ? V::Undefined(bound[0]->AsString())
                                                                         : JinjaAttribute(v, bound[0]->AsString(), rt);
         }},
    };
    all.insert(JinjaListFilters().begin(), JinjaListFilters().end());
    all.insert(JinjaTextFilters().begin(), JinjaTextFilters().end());
    return all;
  }();
  return filters;
}

}  // namespace

bool JinjaHasFilter(std::string_view name) { return Filters().count(name) != 0; }

JinjaValue JinjaFilter(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step(value.IsString() ? 1 + static_cast<int64_t>(value.AsString().size() / 32) : 1);
  const auto found = Filters().find(name);
  if (found == Filters().end()) ThrowJinja("pith lacks the filter '", name, "'");
  return found->second(value, args, rt);
}

}  // namespace pith
