#include "rewards/math/lexer.h"

#include <algorithm>
#include <utility>

#include "rewards/math/lexer_state.h"
#include "rewards/math/number_words.h"
#include "rewards/math/spelling.h"
#include "rewards/math/units.h"

namespace pith {

Lexer::Lexer(std::string_view text, const LexerOptions& options, Work* work, bool in_text, int depth)
    : text_(text), options_(options), work_(work), in_text_(in_text), text_depth_(depth) {
  currency_ = std::count(text.begin(), text.end(), '$') % 2 == 1;
}

std::vector<Token> Lexer::Run() {
  while (at_ < text_.size() && work_->Spend()) Step();
  return std::move(tokens_);
}

bool Lexer::Eat(std::string_view token) {
  if (!Starts(token)) return false;
  at_ += token.size();
  return true;
}

void Lexer::Emit(Token::Kind kind, std::string_view text, int base) {
  tokens_.push_back({kind, std::string(text), base, space_, in_text_});
  space_ = false;
}

void Lexer::EmitMapped(std::string_view to) {
  if (to == "{{") Emit(Token::kCommand, "lbrace");
  else if (to == "}}") Emit(Token::kCommand, "rbrace");
  else if (to == "and" || to == "or") Emit(Token::kWord, to);
  else if (to.size() == 1) Sign(to[0]);
  else Emit(Token::kCommand, to);
}

void Lexer::Sign(char c) {
  if (c == '(' || c == '[') ++brackets_;
  if (c == ')' || c == ']') brackets_ = std::max(0, brackets_ - 1);
  Emit(Token::kSign, std::string_view(&c, 1));
}

bool Lexer::LastIsOperand() const {
  const Token* last = Last();
  return last && (last->kind == Token::kNumber || last->kind == Token::kBased || last->kind == Token::kLetter ||
                  (last->kind == Token::kSign && std::string_view(")]}|!'").find(last->text) != std::string_view::npos));
}

void Lexer::Step() {
  const char c = Peek();
  if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '~') {
    ++at_;
    space_ = true;
    return;
  }
  if (c == '\\') return Command();
  if (IsAsciiDigit(c) || (c == '.' && (IsAsciiDigit(Peek(1)) || Starts(".\\overline{") || Starts(".\\bar{")))) return Number();
  if (IsAsciiLetter(c)) return Letters();
  if (static_cast<unsigned char>(c) >= 0x80) return Unicode();
  if (c == '$') {
    ++at_;
    if (currency_ && IsAsciiDigit(Peek())) Emit(Token::kCommand, "dollar");
    return;
  }
  if (Starts("...")) {
    at_ += 3;
    return Emit(Token::kCommand, "ldots");
  }
  if (Starts("<=") || Starts(">=")) {
    at_ += 2;
    return Emit(Token::kCommand, c == '<' ? "le" : "ge");
  }
  if (Eat("=<")) return Emit(Token::kCommand, "le");
  if (Starts("!=") && !(LastIsOperand() && Last()->kind != Token::kLetter)) {
    at_ += 2;
    return Emit(Token::kCommand, "ne");
  }
  // "3 +- 2" is ±; "3+-2" is 3 + (−2).
  if (Eat("+/-") || ((tokens_.empty() || text_.substr(at_, 3) == "+- ") && Eat("+-"))) return Emit(Token::kCommand, "pm");
  if (Eat("**")) {
    if (!bold_ && LastIsOperand() && at_ < text_.size()) return Sign('^');
    bold_ = !bold_;
    return;
  }
  if (Eat("==")) return Sign('=');
  ++at_;
  if (c == '`' || c == '"' || (c == '&' && aligned_)) return;
  if (c == '&' && text_.find("\\begin") == std::string_view::npos && space_ && Peek() == ' ') return Emit(Token::kWord, "and");  // 2 & 3
  if (c == '.') {  // the stop of a system of equations
    const size_t next = text_.find_first_not_of(" \n", at_);
    if (next != std::string_view::npos && text_.substr(next, 4) == "\\end") return;
  }
  if (c == '{') open_braces_.push_back(false);
  if (c == '}' && !open_braces_.empty()) {
    const bool dropped = open_braces_.back();
    open_braces_.pop_back();
    if (dropped) return;
  }
  // {,} is the comma of a long number.
  if (c == '{' && Peek() == ',' && Peek(1) == '}') {
    at_ += 2;
    open_braces_.pop_back();
    return Sign(',');
  }
  if (std::string_view("+-*/^_()[]{}|,;:=<>!%&'.?").find(c) != std::string_view::npos) return Sign(c);
  Emit(Token::kCommand, std::string_view(&c, 1));  // no grammar knows it
}

void Lexer::Unicode() {
  if (const size_t length = WideSpaceLength(text_.substr(at_))) {
    at_ += length;
    space_ = true;
    return;
  }
  for (std::string_view micro : {"μ", "µ"}) {
    if (Starts(micro) && MicroUnit(micro.size())) return;
  }
  if (Eat("Ω") || Eat("\u2126")) return Ohm();
  if (const SignSpelling sign = FindUnicodeSign(text_.substr(at_)); sign.length > 0) {
    at_ += sign.length;
    if (sign.to.empty()) return;
    return EmitMapped(sign.to);
  }
  constexpr std::string_view kRaisedMinus = "⁻";
  const bool minus = Starts(kRaisedMinus) && FindSmallDigit(text_.substr(at_ + kRaisedMinus.size())).raised;
  if (minus) at_ += kRaisedMinus.size();
  if (const SmallDigit first = FindSmallDigit(text_.substr(at_)); first.length > 0) {
    Sign(first.raised ? '^' : '_');
    if (minus) Sign('-');  // 10⁻³
    std::string digits;
    for (SmallDigit next = first; next.length > 0 && next.raised == first.raised; next = FindSmallDigit(text_.substr(at_))) {  // x¹²
      at_ += next.length;
      digits.push_back(static_cast<char>('0' + next.digit));
    }
    return Emit(Token::kNumber, digits);
  }
  if (const SignSpelling fraction = FindSmallFraction(text_.substr(at_)); fraction.length > 0) {
    at_ += fraction.length;
    Emit(Token::kCommand, "frac");
    Emit(Token::kNumber, fraction.to.substr(0, 1));
    return Emit(Token::kNumber, fraction.to.substr(1, 1));
  }
  // Other letters of Unicode are words.
  const size_t begin = at_;
  while (at_ < text_.size() && (static_cast<unsigned char>(Peek()) >= 0x80 || IsAsciiLetter(Peek()))) ++at_;
  Emit(Token::kWord, text_.substr(begin, at_ - begin));
}

// Behind a number: μm, \mu\text{m}, \mu\mathrm{g}, as one word. `mu` bytes are the sign's.
bool Lexer::MicroUnit(size_t mu) {
  if (!Last() || Last()->kind != Token::kNumber) return false;
  size_t begin = at_ + mu;
  while (begin < text_.size() && (text_[begin] == ' ' || text_.substr(begin, 2) == "\\,")) begin += text_[begin] == ' ' ? 1 : 2;
  bool group = false;
  for (std::string_view holder : {"\\text{", "\\mathrm{", "{\\rm ", "\\textrm{"}) {
    if (text_.substr(begin, holder.size()) != holder) continue;
    begin += holder.size();
    group = true;
  }
  size_t end = begin;
  while (end < text_.size() && IsAsciiLetter(text_[end])) ++end;
  const std::string unit = "μ" + std::string(text_.substr(begin, end - begin));
  if (end == begin || end - begin > 3 || (group && text_.substr(end, 1) != "}") || !FindUnit(unit)) return false;
  at_ = end + (group ? 1 : 0);
  Emit(Token::kWord, unit);
  return true;
}

// The sign of ohm, which joins the prefix before it: kΩ.
void Lexer::Ohm() {
  const bool behind_number = Last() && (Last()->kind == Token::kNumber || Last()->text == "k" || Last()->text == "M");
  if (!behind_number) return Emit(Token::kCommand, "Omega");
  if (Last()->kind == Token::kNumber) return Emit(Token::kWord, "Ω");
  tokens_.back().kind = Token::kWord;
  tokens_.back().text += "Ω";
}

std::vector<Token> Tokenize(std::string_view text, const LexerOptions& options, Work* work) {
  std::vector<Token> tokens = Lexer(text, options, work, /*in_text=*/false, 0).Run();
  JoinNumberWords(&tokens);
  tokens.push_back({});
  return tokens;
}

}  // namespace pith
