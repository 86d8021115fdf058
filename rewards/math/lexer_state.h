// The work of Tokenize, private to this room: one pass over the text, a method for each kind of beginning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/ascii.h"
#include "rewards/math/lexer.h"

namespace pith {

class Lexer {
 public:
  // `depth` counts the \text{…} around it.
  Lexer(std::string_view text, const LexerOptions& options, Work* work, bool in_text, int depth);
  std::vector<Token> Run();

 private:
  // lexer.cc: signs, and what begins what.
  void Step();
  void Unicode();
  bool MicroUnit(size_t mu);
  void Ohm();
  void Sign(char c);
  void Emit(Token::Kind kind, std::string_view text, int base = 0);
  void EmitMapped(std::string_view to);  // "{{" and "}}" are the braces of sets
  const Token* Last() const { return tokens_.empty() ? nullptr : &tokens_.back(); }
  bool LastIsOperand() const;
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool Starts(std::string_view token) const { return text_.substr(at_, token.size()) == token; }
  bool Eat(std::string_view token);

  // lexer_commands.cc: what a backslash begins.
  void Command();
  bool Points(std::string_view figure);
  void SkipRowSkip();
  void Inline(std::string_view content, bool in_text);  // the tokens of a group's content, in place
  std::string_view Group();  // what {…} at the cursor holds; the cursor moves behind it. Empty without a group

  // lexer_numbers.cc: digits.
  void Number();
  void Thousands(std::string* digits);
  bool ForeignGroups(std::string* digits);
  bool ThreeDigits(size_t at) const;
  int BaseAfter(size_t at, size_t* end) const;
  static size_t Period(std::string_view digits);

  // lexer_words.cc: letters.
  void Letters();
  bool IsProduct(std::string_view run, const std::string& lower, bool touches) const;
  bool StandsAmongSigns(size_t begin, size_t end) const;
  bool InFraction(size_t length) const;
  bool NextIsBracket() const;
  bool UnitFollows() const;
  bool TenFollows() const;

  std::string_view text_;
  LexerOptions options_;
  Work* work_;
  bool in_text_;
  int text_depth_;
  bool aligned_ = false;   // in rows whose & only aligns
  bool bold_ = false;      // behind a ** that opened
  bool currency_ = false;  // an odd number of $: one is a currency's
  size_t at_ = 0;
  int brackets_ = 0;       // open ones: a comma inside parts a list
  bool space_ = false;
  std::vector<bool> open_braces_;
  std::vector<Token> tokens_;
};

}  // namespace pith
