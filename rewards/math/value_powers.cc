// Powers, roots, factorials.
#include <algorithm>
#include <array>
#include <cmath>

#include "rewards/math/value.h"
#include "rewards/math/value_number.inc"

namespace pith {
namespace {

namespace mp = boost::multiprecision;

// The whole n-th root of a non-negative whole number, if it has one.
std::optional<BigInt> ExactRoot(const BigInt& x, unsigned n) {
  if (x <= 1) return x;
  if (n == 2) {
    BigInt root = mp::sqrt(x);
    return root * root == x ? std::optional(root) : std::nullopt;
  }
  if (Bits(x) > 4000 || n > 4000) return std::nullopt;
  // Newton's method from above.
  BigInt root = BigInt(1) << static_cast<unsigned>(Bits(x) / n + 1);
  for (;;) {
    const BigInt next = ((n - 1) * root + x / mp::pow(root, n - 1)) / n;
    if (next >= root) break;
    root = next;
  }
  return mp::pow(root, n) == x ? std::optional(root) : std::nullopt;
}

// ln Γ(n+1) for n ≥ 3000 by Stirling's series; its first dropped term is below 10^−60 there.
Real LogFactorial(const Real& n) {
  constexpr std::array<std::array<int, 2>, 8> kBernoulli = {{{1, 6}, {-1, 30}, {1, 42}, {-1, 30}, {5, 66}, {-691, 2730}, {7, 6}, {-3617, 510}}};
  Real sum = (n + Real(0.5)) * log(n) - n + log(2 * Pi()) / 2;
  Real power = n;
  for (size_t k = 1; k <= kBernoulli.size(); ++k) {
    sum += Real(kBernoulli[k - 1][0]) / kBernoulli[k - 1][1] / Real(2 * k * (2 * k - 1)) / power;
    power *= n * n;
  }
  return sum;
}

}  // namespace

const Real& Pi() {
  static const Real pi = 4 * atan(Real(1));
  return pi;
}

Complex SquareRoot(const Complex& z) {
  if (Log2(z) == kNothing) return {0, 0, z.error / 2};
  const Real size = sqrt(z.re * z.re + z.im * z.im);
  Real re = sqrt((size + abs(z.re)) / 2), im = abs(z.im) / (2 * re);
  if (z.re < 0) swap(re, im);
  if (z.im < 0) im = -im;
  Complex root{re, im, 0};
  root.error = std::max(std::min(z.error - Log2(z) / 2, z.error / 2 + 1), Log2(root) - kPrecision) + 1;
  return root;
}

std::optional<int64_t> SmallInteger(const Value& a, int64_t limit) {
  if (!IsInteger(a)) return std::nullopt;
  const BigInt n = numerator(a->re_exact);
  if (abs(n) > limit) return std::nullopt;
  return static_cast<int64_t>(n);
}

Value Arithmetic::Power(const Value& base, const Value& exponent) {
  if (!base || !exponent || !work->Spend(4)) return nullptr;
  if (IsZero(exponent)) return IsZero(base) ? nullptr : IntegerValue(1);
  if (IsZero(base)) {
    const auto order = Order(exponent, IntegerValue(0));
    return order && *order > 0 ? IntegerValue(0) : nullptr;
  }
  if (const auto n = SmallInteger(exponent, 1000000)) {
    const int64_t bits = base->exact ? Bits(*base) : 0;
    const bool unit = base->exact && base->im_exact == 0 && abs(base->re_exact) == 1;
    if (!base->exact || unit || bits * std::abs(*n) <= 60000 || bits <= 6) {
      // By squaring. Past 60000 bits Wrap goes on with the numeric value.
      Value result = IntegerValue(1), square = base;
      for (int64_t left = std::abs(*n); left > 0; left >>= 1) {
        if (left & 1) result = Multiply(result, square);
        if (left > 1) square = Multiply(square, square);
        if (!result || !square) return nullptr;
      }
      return *n < 0 ? Divide(IntegerValue(1), result) : result;
    }
  } else if (exponent->exact && exponent->im_exact == 0) {  // a^{p/q}
    const BigInt p = numerator(exponent->re_exact), q = denominator(exponent->re_exact);
    if (q > 1 && q < 1000 && abs(p) < 1000) {
      const Value root = Root(base, IntegerValue(static_cast<int64_t>(q)));
      return Power(root, IntegerValue(static_cast<int64_t>(p)));
    }
  }
  if (!work->Spend(200)) return nullptr;
  const Complex z = ToComplex(*base);
  if (IsReal(base) && IsReal(exponent) && z.re < 0) left_reals = true;
  return Wrap(Exp(Times(Log(z), ToComplex(*exponent)), work), work);
}

Value Arithmetic::Root(const Value& a, const Value& degree) {
  if (!a || !degree || !work->Spend(4)) return nullptr;
  const auto n = SmallInteger(degree, 100000);
  if (!n || *n == 0) return Power(a, Divide(IntegerValue(1), degree));
  if (*n < 0) return Divide(IntegerValue(1), Root(a, IntegerValue(-*n)));
  if (*n == 1 || IsZero(a)) return a;
  const bool negative = IsReal(a) && *Order(a, IntegerValue(0)) < 0;
  if (negative && *n % 2 == 1) return Negate(Root(Negate(a), degree));
  if (a->exact && a->im_exact == 0) {
    const Fraction size = abs(a->re_exact);
    if (!work->Spend(Bits(*a) / 8)) return nullptr;
    const auto top = ExactRoot(numerator(size), static_cast<unsigned>(*n));
    const auto bottom = top ? ExactRoot(denominator(size), static_cast<unsigned>(*n)) : std::nullopt;
    if (top && bottom && (!negative || *n == 2)) {
      const Fraction root(*top, *bottom);
      left_reals = left_reals || negative;
      return negative ? Wrap(0, root, work) : Wrap(root, 0, work);
    }
  }
  left_reals = left_reals || negative;
  if (!work->Spend(100)) return nullptr;
  Complex z = ToComplex(*a);
  if (IsReal(a)) z.im = 0;
  if (*n == 2) return Wrap(SquareRoot(z), work);
  return Wrap(Exp(Over(Log(z), RealNumber(Real(*n))), work), work);
}

Value Arithmetic::Factorial(const Value& a) {
  if (!a || !IsInteger(a) || a->re_exact < 0) return nullptr;
  const auto n = SmallInteger(a, 50000000);
  if (!n) {
    work->GiveUp();
    return nullptr;
  }
  if (*n >= 3000) {
    if (!work->Spend(500)) return nullptr;
    const Real log_value = LogFactorial(Real(*n));
    return Wrap(Exp(RealNumber(log_value), work), work);
  }
  if (!work->Spend(*n * (1 + *n / 200))) return nullptr;
  BigInt product = 1;
  for (int64_t i = 2; i <= *n; ++i) product *= i;
  return Wrap(Fraction(product), 0, work);
}

}  // namespace pith
