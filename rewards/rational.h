// Exact rational numbers as answers write them: "1,234", "$3.50", "5%", "3 1/2", "\frac{a}{b}", "12 apples".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pith {

// A non-negative integer of any size, least significant limb (base 10^9) first, without leading zero limbs.
class BigNatural {
 public:
  BigNatural() = default;
  explicit BigNatural(uint32_t value);
  static BigNatural FromDigits(std::string_view decimal_digits);  // digits only; none means 0

  bool is_zero() const { return limbs_.empty(); }
  friend BigNatural operator*(const BigNatural& a, const BigNatural& b);
  friend BigNatural operator+(const BigNatural& a, const BigNatural& b);
  bool operator==(const BigNatural&) const = default;
  bool operator<(const BigNatural& other) const;

 private:
  std::vector<uint32_t> limbs_;
};

struct Rational {
  bool negative = false;         // false for 0
  BigNatural numerator, denominator{1};
  bool percent = false;          // written with a percent sign; numerator/denominator is then the number before it

  bool SameNumber(const Rational& other) const;   // disregarding percent
  Rational Hundredth() const;
  bool BelowOne() const;                          // |x| < 1
};

// The number that `text` is: one number with an optional currency sign, scale word (thousand, million, billion) and unit.
// Units are read over. Nothing when it is anything else ("5x", "12 or 13", "1,2") or longer than 300 digits. `text` is as
// CleanAnswer (rewards/answer_text.h) returns it. Linear in the length of the text.
std::optional<Rational> ParseNumber(std::string_view text);

}  // namespace pith
