#include <algorithm>
#include <array>

#include "rewards/math/lexer_state.h"

namespace pith {
namespace {

// 5P_2 is a number of orders, not a number in base 2. (1235_4 is a slip, but a number of base 4.)
bool AreDigitsOf(std::string_view digits, int base) {
  return std::all_of(digits.begin(), digits.end(), [&](char c) { return !IsAsciiUpper(c) || c - 'A' + 10 < base; });
}

int BaseOfWord(std::string_view word) {
  constexpr std::array<std::string_view, 15> kBases = {"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
                                                       "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"};
  const auto found = std::find(kBases.begin(), kBases.end(), word);
  return found == kBases.end() ? 0 : static_cast<int>(found - kBases.begin()) + 2;
}

}  // namespace

bool Lexer::ThreeDigits(size_t at) const {
  return at + 2 < text_.size() && IsAsciiDigit(text_[at]) && IsAsciiDigit(text_[at + 1]) && IsAsciiDigit(text_[at + 2]) &&
         !(at + 3 < text_.size() && IsAsciiDigit(text_[at + 3]));
}

// Joins the groups of a long number: 1,234 and 1{,}234 and 1,\!234 and 1\,234 and 1 234.
void Lexer::Thousands(std::string* digits) {
  if (digits->empty() || digits->size() > 3) return;
  if (Last() && !space_ && (Last()->Is(Token::kSign, "_") || Last()->Is(Token::kSign, "^"))) return;  // \log_2 125
  for (;;) {
    constexpr std::array<std::string_view, 10> kSure = {"{,}\\!", "{,}", ",\\!", ",\\,", "\\,", "\\!", "\u2009", "\u202f", "'", "{\\,}"};
    size_t length = 0;
    for (std::string_view separator : kSure) {
      size_t behind = separator.size();
      while (separator.ends_with('!') && Peek(behind) == ' ') ++behind;  // LaTeX reads over it
      if (Starts(separator) && ThreeDigits(at_ + behind)) length = behind;
    }
    if (length == 0 && options_.thousands && brackets_ == 0 && Peek() == ',' && ThreeDigits(at_ + 1)) length = 1;
    // 1 000 000; but 1 125/128 is a mixed number.
    if (length == 0 && options_.thousands && brackets_ == 0 && digits->front() != '0') {
      for (std::string_view space : {" ", "~", "\\ "}) {
        const size_t behind = at_ + space.size() + 3;
        if (Starts(space) && ThreeDigits(at_ + space.size()) && (behind >= text_.size() || text_[behind] != '/')) length = space.size();
      }
    }
    if (length == 0) return;
    *digits += text_.substr(at_ + length, 3);
    at_ += length + 3;
  }
}

// "_2", "_{16}", "_{(2)}", "_{\text{two}}" right behind digits: the base, else 0.
int Lexer::BaseAfter(size_t at, size_t* end) const {
  if (at >= text_.size() || text_[at] != '_') return 0;
  ++at;
  const bool group = at < text_.size() && text_[at] == '{';
  if (group) ++at;
  const bool text = group && text_.substr(at, 6) == "\\text{";
  size_t word_end = at + (text ? 6 : 0);
  while (group && word_end < text_.size() && IsAsciiLetter(text_[word_end])) ++word_end;
  const int named = group ? BaseOfWord(text_.substr(at + (text ? 6 : 0), word_end - at - (text ? 6 : 0))) : 0;
  if (named > 0 && text_.substr(word_end, text ? 2 : 1) == (text ? "}}" : "}")) {
    *end = word_end + (text ? 2 : 1);
    return named;
  }
  int base = 0;
  const bool bracket = group && at < text_.size() && text_[at] == '(';  // 1011_{(2)}
  if (bracket) ++at;
  const size_t begin = at;
  while (at < text_.size() && IsAsciiDigit(text_[at]) && at - begin < 3) base = base * 10 + (text_[at++] - '0');
  const std::string_view close = bracket ? ")}" : group ? "}" : "";
  if (text_.substr(at, close.size()) != close) return 0;
  *end = at + close.size();
  return base >= 2 && base <= 36 ? base : 0;
}

// "1.234.567" and "12,34,567": groups that no decimal and no list of numbers has.
bool Lexer::ForeignGroups(std::string* digits) {
  if (brackets_ > 0 || !options_.thousands) return false;
  for (const char separator : {'.', ','}) {
    const size_t middle = separator == '.' ? 3 : 2;
    size_t at = at_, groups = 0, length = 0;
    std::string joined;
    const auto take = [&] {
      for (length = 0; at < text_.size() && IsAsciiDigit(text_[at]); ++length) joined.push_back(text_[at++]);
    };
    take();
    if (length == 0 || length > middle) continue;
    size_t last = 0;
    bool fits = true;
    while (at + 1 < text_.size() && text_[at] == separator && IsAsciiDigit(text_[at + 1])) {
      fits = fits && (groups == 0 || last == middle);
      ++at;
      ++groups;
      take();
      last = length;
    }
    if (groups < 2 || last != 3 || !fits) continue;
    *digits = joined;
    at_ = at;
    return true;
  }
  return false;
}

void Lexer::Number() {
  // 0xFF, 0b101
  if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'b')) {
    const int base = Peek(1) == 'x' ? 16 : 2;
    size_t last = at_ + 2;
    while (last < text_.size() && (IsAsciiDigit(text_[last]) || (base == 16 && text_[last] >= 'A' && text_[last] <= 'F'))) ++last;
    const bool ends = last == text_.size() || !(IsAsciiLetter(text_[last]) || text_[last] == '^' || text_[last] == '.');
    if (last > at_ + 2 && ends) {
      const std::string_view digits = text_.substr(at_ + 2, last - at_ - 2);
      at_ = last;
      return Emit(Token::kBased, digits, base);
    }
  }
  // Digits of another base: 101_2, 1A_{16}, 0.0011_2.
  size_t end = at_;
  while (end < text_.size() && (IsAsciiDigit(text_[end]) || IsAsciiUpper(text_[end]) || (text_[end] == '.' && end > at_))) ++end;
  size_t behind = 0;
  const std::string_view based = text_.substr(at_, end - at_);
  if (const int base = BaseAfter(end, &behind); base > 0 && AreDigitsOf(based, base)) {
    at_ = behind;
    return Emit(Token::kBased, based, base);
  }
  std::string digits;
  if (ForeignGroups(&digits)) return Emit(Token::kNumber, digits);
  while (IsAsciiDigit(Peek())) digits.push_back(text_[at_++]);
  Thousands(&digits);
  bool point = false;
  const size_t mark = Starts("{.}") ? 3 : 1;  // 0{.}5
  if ((Peek() == '.' || mark == 3) && IsAsciiDigit(Peek(mark))) {
    point = true;
    digits.push_back('.');
    at_ += mark;
    while (IsAsciiDigit(Peek())) digits.push_back(text_[at_++]);
  }
  for (std::string_view bar : {"\\overline", "\\bar", "\\dot"}) {
    const size_t start = at_;
    if ((!point && Peek() != '.') || text_.substr(at_ + (point ? 0 : 1), bar.size()) != bar) continue;
    at_ += bar.size() + (point ? 0 : 1);
    const std::string_view repeating = Group();
    if (repeating.empty() || repeating.size() > 200 || !std::all_of(repeating.begin(), repeating.end(), IsAsciiDigit)) {
      at_ = start;
      continue;
    }
    if (digits.empty()) digits = "0";
    digits += (point ? "(" : ".(") + std::string(repeating) + ")";
    return Emit(Token::kNumber, digits);
  }
  if (point && (Starts("...") || Starts("\\ldots") || Starts("\\dots") || Starts("…"))) {
    if (const size_t period = Period(digits)) {
      at_ += Starts("\\ldots") ? 6 : Starts("\\dots") ? 5 : 3;
      digits.insert(digits.size() - period, "(");
      return Emit(Token::kNumber, digits + ")");
    }
  }
  if (Peek() == 'e' || Peek() == 'E') {
    const size_t sign = Peek(1) == '-' || Peek(1) == '+' ? 1 : 0;
    size_t last = at_ + 1 + sign;
    while (last < text_.size() && IsAsciiDigit(text_[last])) ++last;
    if (last > at_ + 1 + sign && last < at_ + 8 && !(last < text_.size() && IsAsciiLetter(text_[last]))) {
      digits += "e" + std::string(text_.substr(at_ + 1, last - at_ - 1));
      at_ = last;
    }
  }
  Emit(Token::kNumber, digits);
}

// 0.333…, 0.1666…, 0.2727…: the length of the block that is written at least twice (thrice for one digit) at the end.
size_t Lexer::Period(std::string_view digits) {
  const std::string_view decimals = digits.substr(digits.find('.') + 1);
  for (size_t length = 1; length <= 6; ++length) {
    const size_t times = length == 1 ? 3 : 2;
    if (decimals.size() < length * times) break;
    const std::string_view tail = decimals.substr(decimals.size() - length * times);
    bool same = true;
    for (size_t i = length; i < tail.size(); ++i) same = same && tail[i] == tail[i - length];
    if (same) return length;
  }
  return 0;
}

}  // namespace pith
