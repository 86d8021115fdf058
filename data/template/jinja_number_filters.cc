// Filters that give numbers, or write them.
#include <cmath>

#include "data/template/jinja_filters.h"
#include "data/template/jinja_formats.h"
#include "data/template/python_numbers.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

int64_t Truncated(double number) {
  if (!(std::fabs(number) < 0x1p63)) ThrowJinja("pith lacks integers beyond 64 bits, such as ", PythonFloat(number), "|int");
  return static_cast<int64_t>(number);
}

// int(value), else int(float(value)), else the default.
V ToInt(const V& value, const B& a, R&) {
  const V missing = a[0] != nullptr ? *a[0] : V(int64_t{0});
  const int64_t base = a[1] != nullptr ? JinjaToInt(*a[1], "int's base") : 10;
  if (value.IsInt() || value.IsBool()) return V(value.AsInt());
  if (value.IsUndefined()) ThrowJinja(value.UndefinedReason());
  double number = 0;
  if (value.IsFloat()) {
    number = value.AsDouble();
    if (std::isinf(number)) ThrowJinja("infinity is no integer");
  } else {
    if (!value.IsString()) return missing;
    if (const auto whole = PythonParseInt(value.AsString(), base)) return V(*whole);
    const auto parsed = PythonParseFloat(value.AsString());
    if (!parsed || std::isinf(*parsed)) return missing;
    number = *parsed;
  }
  return std::isnan(number) ? missing : V(Truncated(number));
}

V ToFloat(const V& value, const B& a, R&) {
  if (value.IsNumber()) return V(value.AsDouble());
  if (value.IsUndefined()) ThrowJinja(value.UndefinedReason());
  const auto parsed = value.IsString() ? PythonParseFloat(value.AsString()) : std::nullopt;
  if (parsed) return V(*parsed);
  return a[0] != nullptr ? *a[0] : V(0.0);
}

V Abs(const V& v, const B&, R&) {
  if (!v.IsNumber()) ThrowJinja("'", v.TypeName(), "' has no absolute value");
  if (v.IsFloat()) return V(std::fabs(v.AsDouble()));
  if (v.AsInt() == INT64_MIN) ThrowJinja("pith lacks integers beyond 64 bits");
  return V(std::abs(v.AsInt()));
}

// Python's round() of an integer at a power of ten: to even where two are as near.
int64_t RoundInteger(int64_t value, int64_t digits) {
  if (digits >= 0) return value;
  if (digits < -18) return 0;
  int64_t unit = 1;
  for (; digits < 0; ++digits) unit *= 10;
  const int64_t rest = ((value % unit) + unit) % unit, down = value - rest;
  const bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
  return up ? down + unit : down;
}

V Round(const V& value, const B& a, R& rt) {
  const std::string method = a[1] != nullptr ? JinjaToString(*a[1], rt.budget) : "common";
  if (method != "common" && method != "ceil" && method != "floor") ThrowJinja("round's method must be common, ceil or floor, not '", method, "'");
  if (!value.IsNumber()) ThrowJinja("'", value.TypeName(), "' cannot be rounded");
  if (a[0] != nullptr && a[0]->IsNone() && method == "common") {
    return V(value.IsFloat() ? Truncated(PythonRound(value.AsDouble(), 0)) : value.AsInt());
  }
  const int64_t digits = a[0] != nullptr ? JinjaToInt(*a[0], "round's precision") : 0;
  if (method == "common") {
    if (!value.IsFloat()) return V(RoundInteger(value.AsInt(), digits));
    const double rounded = PythonRound(value.AsDouble(), digits);
    if (std::isinf(rounded) && !std::isinf(value.AsDouble())) ThrowJinja("the rounded number is too large");
    return V(rounded);
  }
  const V scale = JinjaBinary("**", V(int64_t{10}), V(digits), rt), scaled = JinjaBinary("*", value, scale, rt);
  if (!scaled.IsFloat()) return JinjaBinary("/", scaled, scale, rt);
  const double whole = method == "ceil" ? std::ceil(scaled.AsDouble()) : std::floor(scaled.AsDouble());
  if (!std::isfinite(whole)) ThrowJinja(PythonFloat(whole), " is no integer");
  return JinjaBinary("/", std::fabs(whole) < 0x1p63 ? V(static_cast<int64_t>(whole)) : V(whole), scale, rt);
}

V FileSize(const V& value, const B& a, R& rt) {
  double bytes = 0;
  if (value.IsNumber()) {
    bytes = value.AsDouble();
  } else {
    const auto parsed = value.IsString() ? PythonParseFloat(value.AsString()) : std::nullopt;
    if (!parsed) ThrowJinja("filesizeformat needs a number");
    bytes = *parsed;
  }
  if (std::isnan(bytes)) ThrowJinja("filesizeformat needs a number");
  const bool binary = a.Flag(0);
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return V("1 Byte");
  if (bytes < base) return V(Str(Truncated(bytes), " Bytes"));
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  const auto unit = [&](size_t i) { return std::pow(base, static_cast<double>(i + 2)); };
  size_t i = 0;
  while (i + 1 < kPrefixes.size() && bytes >= unit(i)) ++i;
  const std::string prefix = binary ? std::string(1, i == 0 ? 'K' : kPrefixes[i]) + "i" : std::string(1, kPrefixes[i]);
  return V(JinjaFormatted(V(base * bytes / unit(i)), ".1f", rt) + " " + prefix + "B");
}

}  // namespace

const JinjaFilterMap& JinjaNumberFilters() {
  static const JinjaFilterMap filters = {
      {"abs", {"", Abs}},
      {"filesizeformat", {"binary=", FileSize}},
      {"float", {"default=", ToFloat}},
      {"int", {"default=, base=", ToInt}},
      {"round", {"precision=, method=", Round}},
  };
  return filters;
}

}  // namespace pith
