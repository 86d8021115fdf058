#include "rewards/answers/plain_number.h"

#include <algorithm>
#include <array>
#include <string>

#include "rewards/math/ascii.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr size_t kMaxDigits = 300;  // of all parts together; keeps the arithmetic bounded

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

  std::optional<PlainNumber> Run() {
    DropLeftSide();
    bool negative = false, sign_seen = false;
    for (;;) {  // "-$5", "$-5", "$ 5"
      SkipSpaces();
      if (!sign_seen && (Eat("-") || Eat("+"))) {
        sign_seen = true;
        negative = text_[at_ - 1] == '-';
      } else if (Eat("\\$") || Eat("US$") || Eat("USD") || Eat("$") || Eat("€") || Eat("£") || Eat("¥") || Eat("₹")) {
      } else {
        break;
      }
    }
    PlainNumber number;
    number.value = Magnitude();
    if (!number.value || !Suffix(&number)) return std::nullopt;
    if (negative) number.value = arithmetic_.Negate(number.value);
    return number;
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
      if (IsAsciiLetter(c)) {
        ++letters;
      } else if (IsAsciiDigit(c) || std::string_view("+-*/().,$%=").find(c) != std::string_view::npos) {
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
    while (IsAsciiDigit(Peek())) digits->push_back(text_[at_++]);
    size_t group = at_ - begin;
    while (group >= 1 && group <= 3 && Peek() == ',' && IsAsciiDigit(Peek(1)) && IsAsciiDigit(Peek(2)) && IsAsciiDigit(Peek(3)) &&
           !IsAsciiDigit(Peek(4))) {
      digits->append(text_.substr(at_ + 1, 3));
      at_ += 4;
      group = 3;
    }
    digits_ += at_ - begin;
    return at_ > begin && digits_ <= kMaxDigits;
  }

  // Null when there is none, or when digits run out.
  Value Decimal(bool* has_point) {
    std::string digits;
    const bool whole = Whole(&digits);
    *has_point = false;
    if (Peek() == '.' && IsAsciiDigit(Peek(1))) {
      *has_point = true;
      digits.push_back(text_[at_++]);
      for (; IsAsciiDigit(Peek()); ++digits_) digits.push_back(text_[at_++]);
    } else if (!whole) {
      return nullptr;
    }
    return digits_ <= kMaxDigits ? DecimalValue(digits) : nullptr;
  }
  Value WholeNumber() {
    bool point = false;
    const Value value = Decimal(&point);
    return point ? nullptr : value;
  }
  Value SignedDecimal() {
    SkipSpaces();
    const bool negative = Eat("-");
    bool point;
    const Value value = Decimal(&point);
    SkipSpaces();
    return negative ? arithmetic_.Negate(value) : value;
  }

  // \frac{a}{b}; null, and nothing read, when it is none.
  Value Fraction() {
    const size_t begin = at_;
    if (Eat("\\frac{")) {
      const Value top = SignedDecimal();
      if (top && Eat("}{")) {
        const Value bottom = SignedDecimal();
        if (bottom && Eat("}") && !IsZero(bottom)) return arithmetic_.Divide(top, bottom);
      }
    }
    at_ = begin;
    return nullptr;
  }

  Value Magnitude() {
    if (Value fraction = Fraction()) return fraction;
    bool point = false;
    const Value first = Decimal(&point);
    if (!first) return nullptr;
    const size_t after_first = at_;

    SkipSpaces();
    if (!point) {
      const Value part = Fraction();  // 3\frac{1}{2}
      if (part && Order(part, IntegerValue(0)) != -1) return arithmetic_.Add(first, part);
    }
    at_ = after_first;
    if (!point && Peek() == ' ' && IsAsciiDigit(Peek(1))) {  // 3 1/2
      ++at_;
      const Value top = WholeNumber();
      if (!top || !Eat("/")) return nullptr;  // "3 4": two numbers
      const Value bottom = WholeNumber();
      if (!bottom || Order(top, bottom) != -1) return nullptr;
      return arithmetic_.Add(first, arithmetic_.Divide(top, bottom));
    }
    SkipSpaces();
    if (Peek() == '/' && (IsAsciiDigit(Peek(1)) || (Peek(1) == ' ' && IsAsciiDigit(Peek(2))))) {
      ++at_;
      SkipSpaces();
      bool bottom_point;
      return arithmetic_.Divide(first, Decimal(&bottom_point));
    }
    at_ = after_first;
    return first;
  }

  // What follows the digits: nothing, %, a scale word, a unit.
  bool Suffix(PlainNumber* number) {
    const bool touching = Peek() != ' ';
    SkipSpaces();
    if (at_ == text_.size()) return true;
    if (Eat("%") || Eat("\\%")) {
      number->percent = true;
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
      while (IsAsciiLetter(Peek()) || (at_ > begin && (Peek() == '.' || Peek() == '\'' || Peek() == '-'))) ++at_;
      std::string word = Lower(text_.substr(begin, at_ - begin));
      while (!word.empty() && (word.back() == '.' || word.back() == '-')) word.pop_back();
      if (word.empty() || ++words > 6 || IsOneOf(word, kNoUnits)) return false;
      if (first && word == "percent") {
        number->percent = true;
      } else if (const int64_t scale = first ? ScaleWord(word) : 0; scale != 0) {
        number->value = arithmetic_.Multiply(number->value, IntegerValue(scale));
      } else if (first && touching && !IsOneOf(word, kTouchingUnits)) {
        return false;
      } else if (word.size() == 1 && !IsOneOf(word, kOneLetterUnits) && !(word == "a" && !first)) {
        return false;
      }
      first = false;
      if (Eat("^2") || Eat("^3") || Eat("^{2}") || Eat("^{3}") || Eat("²") || Eat("³")) {
      }
      if (Peek() == '/' && IsAsciiLetter(Peek(1))) ++at_;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0, digits_ = 0;
  Work work_;
  Arithmetic arithmetic_{&work_};
};

bool Same(const Value& a, const Value& b) { return Compare(a, b) == Closeness::kSame; }

Value Hundredth(const PlainNumber& number) {
  Work work;
  return Arithmetic{&work}.Divide(number.value, IntegerValue(100));
}

}  // namespace

std::optional<PlainNumber> ParsePlainNumber(std::string_view text) { return Scanner(text).Run(); }

bool SamePlainNumber(const PlainNumber& gold, const PlainNumber& answer) {
  if (gold.percent == answer.percent) return Same(gold.value, answer.value);
  if (gold.percent) return Same(gold.value, answer.value) || Same(Hundredth(gold), answer.value);
  const bool share = !IsZero(gold.value) && Order(gold.value, IntegerValue(1)) == -1 && Order(gold.value, IntegerValue(-1)) == 1;
  return Same(gold.value, Hundredth(answer)) || (!share && Same(gold.value, answer.value));
}

}  // namespace pith
