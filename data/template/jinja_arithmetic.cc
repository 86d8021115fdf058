#include "data/template/jinja_arithmetic.h"

#include <bit>
#include <cmath>

namespace pith {
namespace {

uint64_t Magnitude(int64_t value) { return value < 0 ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value); }

// a / b, rounded once, to even: not every 64-bit integer is a double.
double TrueQuotient(int64_t a, int64_t b) {
  constexpr uint64_t kExact = uint64_t{1} << 53;
  if (Magnitude(a) <= kExact && Magnitude(b) <= kExact) return static_cast<double>(a) / static_cast<double>(b);
  const bool negative = (a < 0) != (b < 0);
  // The quotient of the numerator shifted so far up that it has more than 55 bits; what remains only matters as not zero.
  const uint64_t above = Magnitude(a), below = Magnitude(b);
  const int shift = 57 + std::bit_width(below) - std::bit_width(above);
  const unsigned __int128 numerator = shift >= 0 ? static_cast<unsigned __int128>(above) << shift : above;
  const unsigned __int128 denominator = shift >= 0 ? below : static_cast<unsigned __int128>(below) << -shift;
  auto quotient = static_cast<uint64_t>(numerator / denominator);
  if (numerator % denominator != 0) quotient |= 1;
  const double size = std::ldexp(static_cast<double>(quotient), -shift);
  return negative ? -size : size;
}

JinjaValue OfIntegers(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == "**") {
    result = 1;
    for (int64_t i = 0; i < b && !overflow && (a != 1 && a != 0 && a != -1); ++i) {
      overflow = __builtin_mul_overflow(result, a, &result);
    }
    if (a == 0) result = b == 0;
    if (a == -1) result = b % 2 == 0 ? 1 : -1;
  } else {
    if (b == 0) ThrowJinja("division by zero");
    if (op == "/") return JinjaValue(TrueQuotient(a, b));
    if (b == -1) {  // // and %, rounding towards minus infinity
      overflow = op == "//" && __builtin_sub_overflow(int64_t{0}, a, &result);
    } else {
      const bool down = a % b != 0 && (a % b < 0) != (b < 0);
      result = op == "//" ? a / b - down : a % b + (down ? b : 0);
    }
  }
  if (overflow) ThrowJinja("pith lacks integers beyond 64 bits, such as ", a, " ", op, " ", b);
  return JinjaValue(result);
}

double Power(double a, double b) {
  if (a == 0 && b < 0) ThrowJinja("division by zero");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) ThrowJinja("pith lacks complex numbers, such as ", PythonFloat(a), " ** ", PythonFloat(b));
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) ThrowJinja(PythonFloat(a), " ** ", PythonFloat(b), " is too large");
  return result;
}

// The floor of the quotient, and what remains, with the sign of the divisor.
JinjaValue FloorDivision(bool remainder, double a, double b) {
  double rest = std::fmod(a, b), quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    rest += b;
    quotient -= 1;
  } else if (rest == 0) {
    rest = std::copysign(0.0, b);
  }
  if (remainder) return JinjaValue(rest);
  if (quotient == 0) return JinjaValue(std::copysign(0.0, a / b));
  const double whole = std::floor(quotient);
  return JinjaValue(quotient - whole > 0.5 ? whole + 1 : whole);
}

JinjaValue OfFloats(std::string_view op, double a, double b) {
  if (op == "+") return JinjaValue(a + b);
  if (op == "-") return JinjaValue(a - b);
  if (op == "*") return JinjaValue(a * b);
  if (op == "**") return JinjaValue(Power(a, b));
  if (b == 0) ThrowJinja("division by zero");
  if (op == "/") return JinjaValue(a / b);
  return FloorDivision(op == "%", a, b);
}

}  // namespace

JinjaValue JinjaArithmetic(std::string_view op, const JinjaValue& a, const JinjaValue& b) {
  if (a.IsFloat() || b.IsFloat() || (op == "**" && b.AsInt() < 0)) return OfFloats(op, a.AsDouble(), b.AsDouble());
  return OfIntegers(op, a.AsInt(), b.AsInt());
}

}  // namespace pith
