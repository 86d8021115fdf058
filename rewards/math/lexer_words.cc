#include <algorithm>

#include "rewards/math/lexer_state.h"
#include "rewards/math/spelling.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {

// A run of letters in plain text: a function, a constant, a word, or variables side by side.
void Lexer::Letters() {
  const size_t begin = at_;
  while (IsAsciiLetter(Peek())) ++at_;
  std::string_view run = text_.substr(begin, at_ - begin);
  const std::string lower = LowerCase(run);
  const bool touches = begin > 0 && IsAsciiDigit(text_[begin - 1]) && !space_;
  // a.m., p.m.
  if ((lower == "a" || lower == "p") && (Starts(".m") || Starts(".M"))) {
    at_ += 2;
    if (Peek() == '.') ++at_;
    return Emit(Token::kWord, lower + "m");
  }
  if (run == "o" && (Starts("'clock") || Starts("’clock"))) {
    at_ += Starts("'") ? 6 : 8;
    return Emit(Token::kWord, "oclock");
  }
  if (run == "a" && Last() && (Last()->kind == Token::kNumber || Last()->kind == Token::kWord) && UnitFollows()) {  // $18 a day
    return Emit(Token::kWord, "per");
  }
  if (run == "m" && !in_text_ && Starts("\\angle") && !(Last() && Last()->kind == Token::kNumber)) return;  // the measure of an angle
  if (run.size() == 1 && !in_text_) {
    // (−∞, 3) U (3, ∞)
    if ((run == "U" || run == "u") && LastIsOperand() && (Last()->text == ")" || Last()->text == "]") && NextIsBracket()) {
      return Emit(Token::kCommand, "cup");
    }
    // 1.2 x 10^5
    if ((run == "x" || run == "X") && Last() && Last()->kind == Token::kNumber && (space_ || touches) && TenFollows()) {
      return Emit(Token::kCommand, "times");
    }
    return Emit(Token::kLetter, run);
  }
  if ((lower == "triangle" || lower == "angle" || lower == "segment") && Points(lower)) return;
  size_t behind = 0;
  if (run.size() >= 2 && std::all_of(run.begin(), run.end(), [](char c) { return c >= 'A' && c <= 'F'; })) {
    if (const int base = BaseAfter(at_, &behind); base > 10) {  // FF_{16}
      at_ = behind;
      return Emit(Token::kBased, run, base);
    }
  }
  if (IsFunctionName(run) && !(in_text_ && run == "min")) {
    if (touches && run == "min") return Emit(Token::kWord, run);
    if (run != "min" || Peek() == '(') return Emit(Token::kCommand, run);
  }
  // "2 cups, 1 cup": no union behind a number.
  const bool measure = run == "cup" && (Last() ? Last()->kind == Token::kNumber : in_text_);
  if (lower != "pm" && lower != "am" && !measure) {
    if (const std::string_view command = CommandOfWord(run); !command.empty()) return Emit(Token::kCommand, command);
  }
  if (!in_text_ && !IsUnitWord(lower)) {  // sinx, lnx, sqrtx, 2pir
    const std::string_view front = run.substr(0, run.size() - 1);
    const bool function = front == "ln" || front == "sqrt" || (front.size() == 3 && IsFunctionName(front));
    if (function || (front == "pi" && (touches || Peek() == '^'))) {
      Emit(Token::kCommand, front);
      return Emit(Token::kLetter, run.substr(front.size()));
    }
  }
  const bool product = IsProduct(run, lower, touches) || (run.size() <= 4 && StandsAmongSigns(begin, at_) && !IsShortWord(lower) && !IsUnitWord(lower));
  if (in_text_ || !product) {
    Emit(Token::kWord, run);
    if (Peek() == '.') ++at_;  // an abbreviation's
    return;
  }
  for (char c : run) Emit(Token::kLetter, std::string_view(&c, 1));
}

bool Lexer::IsProduct(std::string_view run, const std::string& lower, bool touches) const {
  if (touches) return !IsTouchingUnit(lower) && lower != "am" && lower != "pm";
  // \frac{NO}{BO}: lengths of a figure, no words.
  if (run.size() == 2 && IsAsciiUpper(run[0]) && IsAsciiUpper(run[1]) && InFraction(run.size())) return true;
  const bool amount = Peek() == '.' || (Peek() == ' ' && IsAsciiDigit(Peek(1)));
  if (IsShortWord(lower) || (amount && !CurrencyOfCode(run).empty())) return false;
  // mg/k: a unit stands behind a number.
  const bool leads = !Last() || (Last()->kind == Token::kSign && std::string_view("{(=+-").find(Last()->text) != std::string_view::npos);
  const bool goes_on = at_ < text_.size() && std::string_view("/^}*+").find(Peek()) != std::string_view::npos;
  const bool function = Starts("\\sin") || Starts("\\cos") || Starts("\\tan") || Starts("\\sqrt");
  if (IsUnitWord(lower) && !(run.size() == 2 && ((leads && goes_on) || function))) return false;
  if (run.size() > 2 && run.back() == 's' && std::all_of(run.begin(), run.end() - 1, IsAsciiUpper)) return false;  // DVDs
  if (run.size() == 2) return true;
  if (run.size() > 6) return false;
  if (lower.find_first_of("aeiou") == std::string::npos) return lower != "by" && lower != "dry" && lower != "fly";
  std::string sorted(run);
  std::sort(sorted.begin(), sorted.end());
  return sorted == "abc" || sorted == "abcd" || sorted == "abd";
}

// Whether what stands from `begin` to `end` is a part of a formula: "abx^2", "ape + 1"; not "(yes)" or "x = yes".
bool Lexer::StandsAmongSigns(size_t begin, size_t end) const {
  while (begin > 0 && text_[begin - 1] == ' ') --begin;
  while (end < text_.size() && text_[end] == ' ') ++end;
  const auto is_one_of = [&](std::string_view signs, size_t at) { return at < text_.size() && signs.find(text_[at]) != std::string_view::npos; };
  const bool front = begin == 0 || is_one_of("+-*/=^{(|", begin - 1), back = end == text_.size() || is_one_of("+-*/=^_)}|", end);
  return front && back && ((begin > 0 && is_one_of("+*/^", begin - 1)) || is_one_of("+*/^_", end));
}

// Whether the `length` letters before the cursor fill an argument of a fraction.
bool Lexer::InFraction(size_t length) const {
  const std::string_view before = text_.substr(0, at_ - length);
  return Peek() == '}' && (before.ends_with("frac{") || (before.ends_with("}{") && before.find("frac{") != std::string_view::npos));
}

bool Lexer::NextIsBracket() const {
  size_t at = at_;
  while (at < text_.size() && text_[at] == ' ') ++at;
  return at < text_.size() && (text_[at] == '(' || text_[at] == '[' || text_[at] == '\\' || text_[at] == '{');
}

bool Lexer::UnitFollows() const {
  size_t end = at_ + 1;
  while (end < text_.size() && IsAsciiLetter(text_[end])) ++end;
  return Peek() == ' ' && IsUnitWord(LowerCase(text_.substr(at_ + 1, end - at_ - 1)));
}

bool Lexer::TenFollows() const {
  size_t at = at_;
  while (at < text_.size() && text_[at] == ' ') ++at;
  return text_.substr(at, 3) == "10^";
}

}  // namespace pith
