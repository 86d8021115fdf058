// Numbers that answers are compared by: exact Gaussian rationals as long as that goes, else complex numbers of 60 decimal
// digits that carry a bound of their own error. Values are immutable and may be shared between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/work.h"

namespace pith {

struct Number;                               // value_number.inc
using Value = std::shared_ptr<const Number>;  // null: undefined (1/0), unknown, or past every bound

struct Arithmetic {
  Work* work;
  bool left_reals = false;  // a root or logarithm of a real number was not real
  bool absorbed = false;    // a sum lost a term that is smaller than the error of another: 1000000! + 1

  // All take null for null. A number that would outgrow exact arithmetic (60000 bits) goes on as a numeric one; one that
  // outgrows that as well (e^(2·10^9)) gives up the work.
  Value Add(const Value& a, const Value& b);
  Value Subtract(const Value& a, const Value& b);
  Value Multiply(const Value& a, const Value& b);
  Value Divide(const Value& a, const Value& b);
  Value Negate(const Value& a);
  Value Power(const Value& base, const Value& exponent);
  Value Root(const Value& a, const Value& degree);  // the real one where there is one: the cube root of −8 is −2
  Value Factorial(const Value& a);                  // of whole numbers; from 3000 on by Stirling's series
  // sin … sgn, log (base 10; or with a second argument), gcd, lcm, max, min, binom, mod; another name is an unknown function:
  // a fixed number for equal name and arguments.
  Value Function(std::string_view name, const std::vector<Value>& arguments);
};

Value IntegerValue(int64_t value);
Value FractionValue(int64_t numerator, int64_t denominator);
// "12", "0.5", "0.1(6)", "1.2e5". Null for what is longer than 10000 digits.
Value DecimalValue(std::string_view text);
Value BasedValue(std::string_view digits, int base);  // "101", "1A", "0.0011"; null where a digit is not below the base
Value PiValue();
Value EulerValue();
Value ImaginaryValue();

enum class Closeness { kSame, kDistinct, kUnknown };
// Exactly where both are exact; else whether they differ by more than their errors. kUnknown where those swallow everything.
Closeness Compare(const Value& a, const Value& b);
std::optional<int> Order(const Value& a, const Value& b);  // −1, 0, 1 of two real numbers
bool IsReal(const Value& a);
bool IsZero(const Value& a);
bool IsInteger(const Value& a);
bool IsRational(const Value& a);  // exactly known to be; false for what is only near one

}  // namespace pith
