#include "rewards/math/value.h"

#include <algorithm>
#include <cmath>

#include "rewards/math/value_number.inc"

namespace pith {
namespace {

constexpr int64_t kMaxExactBits = 60000;
constexpr double kGuard = 8;        // bits: errors are first-order estimates, not proofs
constexpr double kTrust = 48;       // bits that must be left for two numbers to be called the same

double MaxError(double a, double b) { return std::max(a, b) + 1; }

}  // namespace

double Log2(const Real& x) {
  if (x == 0) return kNothing;
  int exponent = 0;
  const Real mantissa = frexp(x, &exponent);
  return exponent + std::log2(std::abs(static_cast<double>(mantissa)));
}
double Log2(const Complex& z) { return std::max(Log2(z.re), Log2(z.im)); }

int64_t Bits(const BigInt& x) { return x == 0 ? 1 : static_cast<int64_t>(msb(abs(x))) + 1; }
int64_t Bits(const Number& n) {
  return Bits(numerator(n.re_exact)) + Bits(denominator(n.re_exact)) + Bits(numerator(n.im_exact)) + Bits(denominator(n.im_exact));
}

Complex RealNumber(const Real& x) { return {x, 0, Log2(x) - kPrecision}; }

Complex ToComplex(const Number& n) {
  if (!n.exact) return {n.re, n.im, n.error};
  const auto real = [](const Fraction& q) { return Real(numerator(q)) / Real(denominator(q)); };
  Complex z{real(n.re_exact), real(n.im_exact), 0};
  z.error = Log2(z) - kPrecision + 1;
  return z;
}

Value Wrap(const Complex& z, Work* work) {
  if (!isfinite(z.re) || !isfinite(z.im) || !std::isfinite(z.error)) return nullptr;
  Number n;
  n.exact = false;
  n.re = z.re;
  n.im = z.im;
  n.error = z.error;
  return std::make_shared<const Number>(std::move(n));
}

Value Wrap(Fraction re, Fraction im, Work* work) {
  Number n;
  n.re_exact = std::move(re);
  n.im_exact = std::move(im);
  const int64_t bits = Bits(n);
  if (!work->Spend(1 + bits / 64 * (bits / 2048 + 1))) return nullptr;
  if (bits > kMaxExactBits) return Wrap(ToComplex(n), work);
  return std::make_shared<const Number>(std::move(n));
}

Complex Plus(const Complex& a, const Complex& b) {
  Complex z{a.re + b.re, a.im + b.im, 0};
  z.error = MaxError(std::max(a.error, b.error), Log2(z) - kPrecision);
  return z;
}

Complex Times(const Complex& a, const Complex& b) {
  Complex z{a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, 0};
  const double size = Log2(a) + Log2(b);
  z.error = MaxError(std::max(a.error + Log2(b), b.error + Log2(a)), std::max(size, kNothing) - kPrecision);
  if (Log2(a) == kNothing || Log2(b) == kNothing) z.error = std::max(a.error + Log2(b), std::max(b.error + Log2(a), a.error + b.error));
  return z;
}

Complex Over(const Complex& a, const Complex& b) {
  const Real norm = b.re * b.re + b.im * b.im;
  Complex inverse{b.re / norm, -b.im / norm, 0};
  // d(1/b) = db / b²
  inverse.error = MaxError(b.error - 2 * Log2(b), Log2(inverse) - kPrecision);
  return Times(a, inverse);
}

Value Arithmetic::Add(const Value& a, const Value& b) {
  if (!a || !b || !work->Spend()) return nullptr;
  if (a->exact && b->exact) return Wrap(a->re_exact + b->re_exact, a->im_exact + b->im_exact, work);
  if (!work->Spend(4)) return nullptr;
  const Complex x = ToComplex(*a), y = ToComplex(*b), sum = Plus(x, y);
  absorbed = absorbed || (!IsZero(a) && Log2(x) < y.error) || (!IsZero(b) && Log2(y) < x.error);
  return Wrap(sum, work);
}

Value Arithmetic::Subtract(const Value& a, const Value& b) { return Add(a, Negate(b)); }

Value Arithmetic::Negate(const Value& a) {
  if (!a || !work->Spend()) return nullptr;
  if (a->exact) return Wrap(-a->re_exact, -a->im_exact, work);
  return Wrap(Complex{-a->re, -a->im, a->error}, work);
}

Value Arithmetic::Multiply(const Value& a, const Value& b) {
  if (!a || !b || !work->Spend()) return nullptr;
  if (a->exact && b->exact) {
    if (a->im_exact == 0 && b->im_exact == 0) return Wrap(a->re_exact * b->re_exact, 0, work);
    return Wrap(a->re_exact * b->re_exact - a->im_exact * b->im_exact, a->re_exact * b->im_exact + a->im_exact * b->re_exact, work);
  }
  if (!work->Spend(8)) return nullptr;
  return Wrap(Times(ToComplex(*a), ToComplex(*b)), work);
}

Value Arithmetic::Divide(const Value& a, const Value& b) {
  if (!a || !b || !work->Spend() || IsZero(b)) return nullptr;
  if (a->exact && b->exact) {
    if (b->im_exact == 0) return Wrap(a->re_exact / b->re_exact, a->im_exact / b->re_exact, work);
    const Fraction norm = b->re_exact * b->re_exact + b->im_exact * b->im_exact;
    return Wrap((a->re_exact * b->re_exact + a->im_exact * b->im_exact) / norm,
                (a->im_exact * b->re_exact - a->re_exact * b->im_exact) / norm, work);
  }
  if (!work->Spend(8)) return nullptr;
  return Wrap(Over(ToComplex(*a), ToComplex(*b)), work);
}

Value FractionValue(int64_t numerator, int64_t denominator) {
  Number n;
  n.re_exact = Fraction(BigInt(numerator), BigInt(denominator));
  return std::make_shared<const Number>(std::move(n));
}
Value IntegerValue(int64_t value) { return FractionValue(value, 1); }

Value BasedValue(std::string_view digits, int base) {
  BigInt top = 0, bottom = 1;
  bool point = false;
  if (digits.empty() || digits.size() > 500) return nullptr;
  for (char c : digits) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
    if (digit >= base) return nullptr;
    top = top * base + digit;
    if (point) bottom *= base;
  }
  Number n;
  n.re_exact = Fraction(top, bottom);
  return std::make_shared<const Number>(std::move(n));
}

Value DecimalValue(std::string_view text) {
  if (text.size() > 10000) return nullptr;
  const auto ten = [](size_t power) { return pow(BigInt(10), static_cast<unsigned>(power)); };
  const auto whole = [](std::string_view digits) {
    const size_t start = std::min(digits.find_first_not_of('0'), digits.size());  // a leading 0 would mean octal
    return digits.size() == start ? BigInt(0) : BigInt(std::string(digits.substr(start)));
  };
  int exponent = 0;
  if (const size_t e = text.find('e'); e != std::string_view::npos) {
    for (char c : text.substr(e + 1)) {
      if (c != '-' && c != '+') exponent = std::min(exponent * 10 + (c - '0'), 1000000);
    }
    if (text[e + 1] == '-') exponent = -exponent;
    text = text.substr(0, e);
  }
  if (std::abs(exponent) > 15000) return nullptr;
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view front = text.substr(0, point);
  std::string_view decimals = point < text.size() ? text.substr(point + 1) : std::string_view();
  std::string_view block;
  if (const size_t open = decimals.find('('); open != std::string_view::npos) {
    block = decimals.substr(open + 1, decimals.size() - open - 2);
    decimals = decimals.substr(0, open);
  }
  Fraction value(whole(std::string(front) + std::string(decimals)), ten(decimals.size()));
  if (!block.empty()) value += Fraction(whole(block), ten(decimals.size()) * (ten(block.size()) - 1));
  if (exponent > 0) value *= Fraction(ten(static_cast<size_t>(exponent)), 1);
  if (exponent < 0) value /= Fraction(ten(static_cast<size_t>(-exponent)), 1);
  Number n;
  n.re_exact = value;
  return std::make_shared<const Number>(std::move(n));
}

Value ImaginaryValue() {
  Number n;
  n.im_exact = 1;
  return std::make_shared<const Number>(std::move(n));
}

bool IsZero(const Value& a) {
  if (!a) return false;
  return a->exact ? a->re_exact == 0 && a->im_exact == 0 : Log2(Complex{a->re, a->im, 0}) <= a->error + kGuard;
}

bool IsReal(const Value& a) {
  if (!a) return false;
  return a->exact ? a->im_exact == 0 : Log2(a->im) <= a->error + kGuard;
}

bool IsRational(const Value& a) { return a && a->exact && a->im_exact == 0; }
bool IsInteger(const Value& a) { return a && a->exact && a->im_exact == 0 && denominator(a->re_exact) == 1; }

Closeness Compare(const Value& a, const Value& b) {
  if (!a || !b) return Closeness::kUnknown;
  if (a->exact && b->exact) {
    return a->re_exact == b->re_exact && a->im_exact == b->im_exact ? Closeness::kSame : Closeness::kDistinct;
  }
  const Complex x = ToComplex(*a), y = ToComplex(*b);
  const double error = std::max(x.error, y.error) + kGuard;
  const double difference = Log2(Complex{x.re - y.re, x.im - y.im, 0});
  if (difference > error) return Closeness::kDistinct;
  const double size = std::max(Log2(x), Log2(y));
  return error < size - kTrust || error < -kTrust * 2 ? Closeness::kSame : Closeness::kUnknown;
}

std::optional<int> Order(const Value& a, const Value& b) {
  if (!IsReal(a) || !IsReal(b)) return std::nullopt;
  if (a->exact && b->exact) return a->re_exact < b->re_exact ? -1 : a->re_exact > b->re_exact ? 1 : 0;
  const Closeness closeness = Compare(a, b);
  if (closeness == Closeness::kSame) return 0;
  if (closeness == Closeness::kUnknown) return std::nullopt;
  return ToComplex(*a).re < ToComplex(*b).re ? -1 : 1;
}

}  // namespace pith
