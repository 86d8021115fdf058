// Logarithms, trigonometry, and functions of whole numbers, by name.
#include <algorithm>
#include <array>
#include <cmath>

#include "rewards/math/value.h"
#include "rewards/math/value_number.inc"

namespace pith {
namespace {

namespace mp = boost::multiprecision;

Complex ImaginaryTimes(const Complex& z) { return {-z.im, z.re, z.error}; }
Complex Minus(const Complex& z) { return {-z.re, -z.im, z.error}; }
Complex One() { return {1, 0, kNothing}; }
Complex Half(const Complex& z) { return {z.re / 2, z.im / 2, z.error - 1}; }

// sin z = (e^{iz} − e^{−iz}) / 2i, cos z = (e^{iz} + e^{−iz}) / 2; the real functions where z is real.
Complex SineCosine(const Complex& z, bool sine, Work* work) {
  if (z.im == 0) {
    Complex result{sine ? sin(z.re) : cos(z.re), 0, 0};
    result.error = std::max(z.error, Log2(z.re) - kPrecision) + 1;
    result.error = std::max(result.error, -kPrecision);
    return result;
  }
  const Complex up = Exp(ImaginaryTimes(z), work), down = Exp(Minus(ImaginaryTimes(z)), work);
  if (!sine) return Half(Plus(up, down));
  return Minus(ImaginaryTimes(Half(Plus(up, Minus(down)))));
}

Complex HyperbolicPart(const Complex& z, bool sine, Work* work) {
  const Complex up = Exp(z, work), down = Exp(Minus(z), work);
  return Half(Plus(up, sine ? Minus(down) : down));
}

// asin z = −i log(iz + √(1−z²)), atan z = (i/2)(log(1−iz) − log(1+iz)).
Complex ArcSine(const Complex& z) {
  Complex square = Plus(One(), Minus(Times(z, z)));
  return Minus(ImaginaryTimes(Log(Plus(ImaginaryTimes(z), SquareRoot(square)))));
}
Complex ArcTangent(const Complex& z) {
  const Complex iz = ImaginaryTimes(z);
  return Half(ImaginaryTimes(Plus(Log(Plus(One(), Minus(iz))), Minus(Log(Plus(One(), iz))))));
}

BigInt Floor(const Fraction& q) {
  BigInt n = numerator(q), d = denominator(q);
  BigInt result = n / d;
  if (n < 0 && result * d != n) --result;
  return result;
}

// The floor of a real number, where its error leaves no doubt.
Value FloorValue(const Value& a, Work* work) {
  if (!IsReal(a)) return nullptr;
  if (a->exact) return Wrap(Fraction(Floor(a->re_exact)), 0, work);
  if (Log2(a->re) > 150 || a->error > -20) return nullptr;
  const Real slack = ldexp(Real(1), static_cast<int>(std::max(a->error, -190.0)) + 8);
  const Real low = floor(a->re - slack), high = floor(a->re + slack);
  // Whether a number that cannot be told from a whole one lies below it is unknown; school answers are whole then.
  return Wrap(Fraction(BigInt(low == high ? low : high)), 0, work);
}

}  // namespace

Complex Log(const Complex& z) {
  Complex result{log(sqrt(z.re * z.re + z.im * z.im)), 0, 0};
  if (z.im != 0 || z.re < 0) result.im = Log2(z.im) <= z.error + 4 && z.re < 0 ? Pi() : atan2(z.im, z.re);
  result.error = std::max({z.error - Log2(z), Log2(result) - kPrecision, -kPrecision}) + 1;
  return result;
}

Complex Exp(const Complex& z, Work* work) {
  if (abs(z.re) > 1e9) {
    work->GiveUp();
    return {0, 0, std::nan("")};
  }
  const Real size = exp(z.re);
  Complex result{size, 0, 0};
  if (z.im != 0) result = {size * cos(z.im), size * sin(z.im), 0};
  result.error = std::max({z.error, Log2(z) - kPrecision, -kPrecision}) + Log2(size) + 1;
  return result;
}

Value PiValue() {
  static const Value pi = [] {
    Work work;
    return Wrap(RealNumber(Pi()), &work);
  }();
  return pi;
}

Value EulerValue() {
  static const Value e = [] {
    Work work;
    return Wrap(RealNumber(exp(Real(1))), &work);
  }();
  return e;
}

Value Arithmetic::Function(std::string_view name, const std::vector<Value>& arguments) {
  if (arguments.empty() || !work->Spend(4)) return nullptr;
  for (const Value& argument : arguments) {
    if (!argument) return nullptr;
  }
  const Value& a = arguments[0];
  if (name == "root" && arguments.size() == 2) return Root(a, arguments[1]);
  if (name == "max" || name == "min") {
    Value best = a;
    for (const Value& other : arguments) {
      const auto order = Order(other, best);
      if (!order) return nullptr;
      if (name == "max" ? *order > 0 : *order < 0) best = other;
    }
    return best;
  }
  if (name == "gcd" || name == "lcm") {
    BigInt result = name == "gcd" ? 0 : 1;
    for (const Value& v : arguments) {
      if (!IsInteger(v)) return nullptr;
      const BigInt n = abs(numerator(v->re_exact));
      result = name == "gcd" ? mp::gcd(result, n) : n == 0 ? BigInt(0) : mp::lcm(result, n);
    }
    return Wrap(Fraction(result), 0, work);
  }
  if (name == "mod" && arguments.size() == 2) {
    const Value& b = arguments[1];
    if (!IsReal(a) || !IsReal(b) || IsZero(b)) return nullptr;
    return Subtract(a, Multiply(b, FloorValue(Divide(a, b), work)));
  }
  if (name == "binom" && arguments.size() == 2) {
    const auto k = SmallInteger(arguments[1], 3000);
    if (!k) return nullptr;
    if (*k < 0) return IntegerValue(0);
    Value result = IntegerValue(1);
    for (int64_t i = 0; i < *k; ++i) {
      result = Divide(Multiply(result, Subtract(a, IntegerValue(i))), IntegerValue(i + 1));
      if (!result) return nullptr;
    }
    return result;
  }
  if (name == "log" && arguments.size() == 2) {
    return Divide(Function("ln", {a}), Function("ln", {arguments[1]}));
  }
  if (arguments.size() == 1) {
    if (name == "sqrt") return Root(a, IntegerValue(2));
    if (name == "cbrt") return Root(a, IntegerValue(3));
    if (name == "floor") return FloorValue(a, work);
    if (name == "ceil") return Negate(FloorValue(Negate(a), work));
    if (name == "sgn") {
      const auto order = Order(a, IntegerValue(0));
      return order ? IntegerValue(*order) : nullptr;
    }
    if (name == "abs") {
      if (IsReal(a)) return *Order(a, IntegerValue(0)) < 0 ? Negate(a) : a;
      if (a->exact) return Root(Wrap(a->re_exact * a->re_exact + a->im_exact * a->im_exact, 0, work), IntegerValue(2));
      const Complex z = ToComplex(*a);
      return Wrap(Complex{sqrt(z.re * z.re + z.im * z.im), 0, z.error + 1}, work);
    }
    if (!work->Spend(150)) return nullptr;
    const Complex z = ToComplex(*a);
    const bool real = IsReal(a);
    if (name == "ln" || name == "log") {
      if (IsZero(a)) return nullptr;
      if (a->exact && a->im_exact == 0 && a->re_exact == 1) return IntegerValue(0);
      if (real && z.re < 0) left_reals = true;
      const Complex result = Log(z);
      return Wrap(name == "ln" ? result : Over(result, RealNumber(log(Real(10)))), work);
    }
    if (name == "exp") return IsZero(a) && a->exact ? IntegerValue(1) : Wrap(Exp(z, work), work);
    if (name == "cis") return Wrap(Exp(ImaginaryTimes(z), work), work);
    const bool inverse_of_unit = real && abs(z.re) > 1;
    if (name == "arcsin" || name == "arccos") {
      left_reals = left_reals || inverse_of_unit;
      const Complex sine = ArcSine(z);
      return Wrap(name == "arcsin" ? sine : Plus(RealNumber(Pi() / 2), Minus(sine)), work);
    }
    if (name == "arctan") return Wrap(ArcTangent(z), work);
    if (name == "arccot") return IsZero(a) ? Divide(PiValue(), IntegerValue(2)) : Function("arctan", {Divide(IntegerValue(1), a)});
    if (name == "arcsec") return Function("arccos", {Divide(IntegerValue(1), a)});
    if (name == "arccsc") return Function("arcsin", {Divide(IntegerValue(1), a)});
    if (name == "sin" || name == "cos") return Wrap(SineCosine(z, name == "sin", work), work);
    if (name == "tan") return Divide(Function("sin", {a}), Function("cos", {a}));
    if (name == "cot") return Divide(Function("cos", {a}), Function("sin", {a}));
    if (name == "sec") return Divide(IntegerValue(1), Function("cos", {a}));
    if (name == "csc") return Divide(IntegerValue(1), Function("sin", {a}));
    if (name == "sinh" || name == "cosh") return Wrap(HyperbolicPart(z, name == "sinh", work), work);
    if (name == "tanh") return Divide(Function("sinh", {a}), Function("cosh", {a}));
    if (name == "coth") return Divide(Function("cosh", {a}), Function("sinh", {a}));
    if (name == "sech") return Divide(IntegerValue(1), Function("cosh", {a}));
    if (name == "csch") return Divide(IntegerValue(1), Function("sinh", {a}));
  }
  // An unknown function: FNV-1a over the name and the arguments to 30 digits.
  uint64_t hash = 14695981039346656037ull;
  const auto mix = [&](std::string_view text) {
    for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  };
  mix(name);
  for (const Value& v : arguments) {
    const Complex z = ToComplex(*v);
    if (!work->Spend(50)) return nullptr;
    mix(z.re.str(30) + "," + (IsReal(v) ? "" : z.im.str(30)) + ";");
  }
  return FractionValue(static_cast<int64_t>(hash >> 40) + 1, 1000003);
}

}  // namespace pith
