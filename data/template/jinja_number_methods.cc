// Methods of numbers, and the attributes that numbers have.
#include <bit>
#include <cmath>

#include "data/template/jinja_methods.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

uint64_t Magnitude(const V& value) {
  const int64_t number = value.AsInt();
  return number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
}

V Plain(const V& value) { return value.IsFloat() ? value : V(value.AsInt()); }

V Pair(int64_t first, int64_t second, R& rt) {
  std::vector<V> pair;
  pair.emplace_back(first);
  pair.emplace_back(second);
  return rt.List(std::move(pair), true);
}

// The fraction that a double is, in lowest terms.
V Ratio(double value, R& rt) {
  if (!std::isfinite(value)) ThrowJinja("as_integer_ratio: ", PythonFloat(value), " is no ratio of integers");
  int exponent = 0;
  double fraction = std::frexp(value, &exponent);
  for (; fraction != std::floor(fraction); --exponent) fraction *= 2;
  if (fraction == 0) exponent = 0;
  const double above = exponent > 0 ? std::ldexp(fraction, exponent) : fraction, below = std::ldexp(1.0, std::max(-exponent, 0));
  if (std::fabs(above) >= 0x1p63 || below >= 0x1p63) ThrowJinja("pith lacks the integers beyond 64 bits that as_integer_ratio gives here");
  return Pair(static_cast<int64_t>(above), static_cast<int64_t>(below), rt);
}

}  // namespace

const JinjaMethodTable& JinjaIntMethods() {
  static const JinjaMethodTable methods = {
      {"as_integer_ratio", {"", [](const V& self, const B&, R& rt) { return Pair(self.AsInt(), 1, rt); }}},
      {"bit_count", {"", [](const V& self, const B&, R&) { return V(static_cast<int64_t>(std::popcount(Magnitude(self)))); }}},
      {"bit_length", {"", [](const V& self, const B&, R&) { return V(static_cast<int64_t>(std::bit_width(Magnitude(self)))); }}},
      {"conjugate", {"", [](const V& self, const B&, R&) { return Plain(self); }}},
  };
  return methods;
}

const JinjaMethodTable& JinjaFloatMethods() {
  static const JinjaMethodTable methods = {
      {"as_integer_ratio", {"", [](const V& self, const B&, R& rt) { return Ratio(self.AsDouble(), rt); }}},
      {"conjugate", {"", [](const V& self, const B&, R&) { return self; }}},
      {"is_integer",
       {"", [](const V& self, const B&, R&) { return V(std::isfinite(self.AsDouble()) && self.AsDouble() == std::floor(self.AsDouble())); }}},
  };
  return methods;
}

std::optional<JinjaValue> JinjaNumberAttribute(const JinjaValue& number, std::string_view name) {
  if (name == "real") return Plain(number);
  if (name == "imag") return number.IsFloat() ? V(0.0) : V(int64_t{0});
  if (number.IsFloat()) return std::nullopt;
  if (name == "numerator") return Plain(number);
  if (name == "denominator") return V(int64_t{1});
  return std::nullopt;
}

}  // namespace pith
