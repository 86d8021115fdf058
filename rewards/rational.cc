#include "rewards/rational.h"

#include <algorithm>
#include <array>

namespace pith {
namespace {

constexpr uint32_t kBase = 1000000000;
constexpr size_t kMaxDigits = 300;  // of all parts together; keeps the arithmetic bounded

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

template <size_t N>
bool IsOneOf(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Words that change what the number before them means, so they are no units.
constexpr std::array<std::string_view, 36> kNoUnits = {
    "and",  "or",   "to",   "half",  "third", "quarter", "quarters", "thirds",  "plus", "minus", "times", "over",
    "by",   "dozen", "dozens", "am", "pm",   "a.m",     "p.m",      "pi",      "sqrt", "log",   "ln",    "sin",
    "cos",  "tan",  "mod",  "base",  "remainder", "if", "not",     "out",     "of",   "squared", "cubed", "factorial"};
// Units that may touch the number; other letters may be variables.
constexpr std::array<std::string_view, 26> kTouchingUnits = {
    "cm", "mm",  "km",  "kg",  "mg",  "ml",  "lb",   "lbs", "oz", "ft", "in", "hr", "hrs",
    "min", "mins", "sec", "secs", "mph", "usd", "st", "nd",  "rd", "th", "gb", "mb", "kb"};
constexpr std::array<std::string_view, 6> kOneLetterUnits = {"m", "g", "s", "h", "l", "k"};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<Rational> Run() {
    DropLeftSide();
    Rational value;
    bool sign_seen = false;
    for (;;) {  // "-$5", "$-5", "$ 5"
      SkipSpaces();
      if (!sign_seen && (Eat("-") || Eat("+"))) {
        sign_seen = true;
        value.negative = text_[at_ - 1] == '-';
      } else if (Eat("\\$") || Eat("US$") || Eat("USD") || Eat("$") || Eat("€") || Eat("£") || Eat("¥") || Eat("₹")) {
      } else {
        break;
      }
    }
    if (!Magnitude(&value)) return std::nullopt;
    if (digits_ > kMaxDigits || value.denominator.is_zero()) return std::nullopt;
    if (!Suffix(&value)) return std::nullopt;
    if (value.numerator.is_zero()) value.negative = false;
    return value;
  }

 private:
  bool Eat(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void SkipSpaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  // "x = 5" and "2 + 3 = 5" are 5. Not "x^2 + 1 = 0": that is an equation.
  void DropLeftSide() {
    const size_t equals = text_.rfind('=');
    if (equals == std::string_view::npos) return;
    size_t letters = 0, others = 0;
    for (char c : text_.substr(0, equals)) {
      if (IsLetter(c)) {
        ++letters;
      } else if (IsDigit(c) || std::string_view("+-*/().,$%=").find(c) != std::string_view::npos) {
        ++others;
      } else if (c != ' ') {
        return;
      }
    }
    if (letters == 0 || (letters == 1 && others == 0)) at_ = equals + 1;
  }

  // "1,234", "0012", "" (when optional, before a decimal point). Groups of three after a comma.
  bool Whole(std::string* digits) {
    const size_t begin = at_;
    while (IsDigit(Peek())) digits->push_back(text_[at_++]);
    size_t group = at_ - begin;
    while (group >= 1 && group <= 3 && Peek() == ',' && IsDigit(Peek(1)) && IsDigit(Peek(2)) && IsDigit(Peek(3)) &&
           !IsDigit(Peek(4))) {
      digits->append(text_.substr(at_ + 1, 3));
      at_ += 4;
      group = 3;
    }
    digits_ += at_ - begin;
    return at_ > begin && digits_ <= kMaxDigits;
  }

  bool Decimal(Rational* value, bool* has_point) {
    std::string digits;
    const bool whole = Whole(&digits);
    std::string power = "1";
    *has_point = false;
    if (Peek() == '.' && IsDigit(Peek(1))) {
      *has_point = true;
      ++at_;
      while (IsDigit(Peek())) {
        digits.push_back(text_[at_++]);
        power.push_back('0');
        ++digits_;
      }
    } else if (!whole) {
      return false;
    }
    if (digits_ > kMaxDigits) return false;
    value->numerator = BigNatural::FromDigits(digits);
    value->denominator = BigNatural::FromDigits(power);
    return true;
  }

  // \frac{a}{b}
  bool Fraction(Rational* value) {
    const size_t begin = at_;
    Rational top, bottom;
    bool point;
    if (Eat("\\frac{") && SignedDecimal(&top, &point) && Eat("}{") && SignedDecimal(&bottom, &point) && Eat("}") &&
        !bottom.numerator.is_zero()) {
      Divide(top, bottom, value);
      return true;
    }
    at_ = begin;
    return false;
  }

  bool SignedDecimal(Rational* value, bool* point) {
    SkipSpaces();
    value->negative = Eat("-");
    if (!Decimal(value, point)) return false;
    SkipSpaces();
    return true;
  }

  static void Divide(const Rational& a, const Rational& b, Rational* value) {
    value->negative = value->negative != (a.negative != b.negative);
    value->numerator = a.numerator * b.denominator;
    value->denominator = a.denominator * b.numerator;
  }

  bool Magnitude(Rational* value) {
    if (Fraction(value)) return true;
    bool point = false;
    Rational first;
    if (!Decimal(&first, &point)) return false;
    const size_t after_first = at_;
    Rational part;
    bool part_point = false;

    SkipSpaces();
    if (!point && Fraction(&part) && !part.negative) {  // 3\frac{1}{2}
      value->numerator = first.numerator * part.denominator + part.numerator;
      value->denominator = part.denominator;
      return true;
    }
    at_ = after_first;
    if (!point && Peek() == ' ' && IsDigit(Peek(1))) {  // 3 1/2
      ++at_;
      Rational top, bottom;
      if (Decimal(&top, &part_point) && !part_point && Eat("/") && Decimal(&bottom, &part_point) && !part_point &&
          top.numerator < bottom.numerator) {
        value->numerator = first.numerator * bottom.numerator + top.numerator;
        value->denominator = bottom.numerator;
        return true;
      }
      return false;  // "3 4": two numbers
    }
    SkipSpaces();
    if (Peek() == '/' && (IsDigit(Peek(1)) || (Peek(1) == ' ' && IsDigit(Peek(2))))) {
      ++at_;
      SkipSpaces();
      Rational bottom;
      if (!Decimal(&bottom, &part_point) || bottom.numerator.is_zero()) return false;
      Divide(first, bottom, value);
      return true;
    }
    at_ = after_first;
    value->numerator = first.numerator;
    value->denominator = first.denominator;
    return true;
  }

  // What follows the digits: nothing, %, a scale word, a unit.
  bool Suffix(Rational* value) {
    const bool touching = Peek() != ' ';
    SkipSpaces();
    if (at_ == text_.size()) return true;
    if (Eat("%") || Eat("\\%")) {
      value->percent = true;
      SkipSpaces();
      return at_ == text_.size();
    }
    if (Eat("$") || Eat("€") || Eat("£") || Eat("¥") || Eat("₹") || Eat("°")) {
      SkipSpaces();
      if (at_ == text_.size()) return true;
    }
    size_t words = 0;
    bool first = true;
    while (at_ < text_.size()) {
      SkipSpaces();
      const size_t begin = at_;
      while (IsLetter(Peek()) || (at_ > begin && (Peek() == '.' || Peek() == '\'' || Peek() == '-'))) ++at_;
      std::string word = Lower(text_.substr(begin, at_ - begin));
      while (!word.empty() && (word.back() == '.' || word.back() == '-')) word.pop_back();
      if (word.empty() || ++words > 6 || IsOneOf(word, kNoUnits)) return false;
      if (first && word == "percent") {
        value->percent = true;
      } else if (first && (word == "thousand" || word == "million" || word == "billion")) {
        value->numerator = value->numerator *
                           BigNatural::FromDigits(word == "thousand" ? "1000" : word == "million" ? "1000000" : "1000000000");
      } else if (first && touching && !IsOneOf(word, kTouchingUnits)) {
        return false;
      } else if (word.size() == 1 && !IsOneOf(word, kOneLetterUnits) && !(word == "a" && !first)) {
        return false;
      }
      first = false;
      if (Eat("^2") || Eat("^3") || Eat("^{2}") || Eat("^{3}") || Eat("²") || Eat("³")) {
      }
      if (Peek() == '/' && IsLetter(Peek(1))) ++at_;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0, digits_ = 0;
};

}  // namespace

BigNatural::BigNatural(uint32_t value) {
  for (; value > 0; value /= kBase) limbs_.push_back(value % kBase);
}

BigNatural BigNatural::FromDigits(std::string_view digits) {
  BigNatural result;
  while (!digits.empty()) {
    const size_t take = std::min<size_t>(9, digits.size());
    uint32_t limb = 0;
    for (char c : digits.substr(digits.size() - take)) limb = limb * 10 + static_cast<uint32_t>(c - '0');
    result.limbs_.push_back(limb);
    digits.remove_suffix(take);
  }
  while (!result.limbs_.empty() && result.limbs_.back() == 0) result.limbs_.pop_back();
  return result;
}

BigNatural operator*(const BigNatural& a, const BigNatural& b) {
  BigNatural result;
  result.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
  for (size_t i = 0; i < a.limbs_.size(); ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < b.limbs_.size() || carry > 0; ++j) {
      const uint64_t product = j < b.limbs_.size() ? static_cast<uint64_t>(a.limbs_[i]) * b.limbs_[j] : 0;
      const uint64_t sum = result.limbs_[i + j] + product + carry;
      result.limbs_[i + j] = static_cast<uint32_t>(sum % kBase);
      carry = sum / kBase;
    }
  }
  while (!result.limbs_.empty() && result.limbs_.back() == 0) result.limbs_.pop_back();
  return result;
}

BigNatural operator+(const BigNatural& a, const BigNatural& b) {
  BigNatural result;
  uint32_t carry = 0;
  for (size_t i = 0; i < std::max(a.limbs_.size(), b.limbs_.size()) || carry > 0; ++i) {
    const uint32_t sum = (i < a.limbs_.size() ? a.limbs_[i] : 0) + (i < b.limbs_.size() ? b.limbs_[i] : 0) + carry;
    result.limbs_.push_back(sum % kBase);
    carry = sum / kBase;
  }
  return result;
}

bool BigNatural::operator<(const BigNatural& other) const {
  if (limbs_.size() != other.limbs_.size()) return limbs_.size() < other.limbs_.size();
  return std::lexicographical_compare(limbs_.rbegin(), limbs_.rend(), other.limbs_.rbegin(), other.limbs_.rend());
}

bool Rational::SameNumber(const Rational& other) const {
  return negative == other.negative && numerator * other.denominator == other.numerator * denominator;
}

Rational Rational::Hundredth() const {
  Rational result = *this;
  result.denominator = denominator * BigNatural(100);
  return result;
}

bool Rational::BelowOne() const { return numerator < denominator; }

std::optional<Rational> ParseNumber(std::string_view text) { return Scanner(text).Run(); }

}  // namespace pith
