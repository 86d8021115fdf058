#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {

bool Grammar::AtSeparator() const {
  return AtSign(',') || AtSign(';') || AtWord("and") || AtWord("or") || AtCommand("cr");
}

bool Grammar::AtItemEnd() const {
  const Token& token = Peek();
  if (token.kind == Token::kEnd || AtSeparator()) return true;
  if (token.kind == Token::kSign) return std::string_view(")]}|&:").find(token.text) != std::string_view::npos || (angles_ > 0 && token.text == ">");
  if (token.kind != Token::kCommand) return false;
  return token.text == "rbrace" || token.text == "rangle" || token.text == "\\" || token.text == "mid" || token.text == "choose" || token.text.starts_with("end:");
}

Expression Grammar::Answer() {
  // "(B) 12", "B. 12": a choice with what it says.
  const size_t open = AtSign('(') ? 1 : 0;
  const Token& letter = Peek(open);
  if ((letter.kind == Token::kLetter || letter.kind == Token::kWord) && letter.text.size() == 1 && letter.text[0] >= 'A' &&
      letter.text[0] <= 'H') {
    const bool marked = open ? AtSign(')', 2) : AtSign(')', 1) || AtSign('.', 1) || (AtSign(':', 1) && Peek(2).space);
    const Token& behind = Peek(open + 2);
    if (marked && behind.kind != Token::kEnd && behind.space &&
        (behind.kind != Token::kSign || behind.text == "(" || behind.text == "-" || behind.text == "|") && !AtWord("and", open + 2) &&
        !AtWord("or", open + 2)) {
      const std::string name = letter.text;
      at_ = open + 2;
      Expression rest = Answer();
      return Node(Op::kChoice, {std::move(rest)}, name);
    }
  }
  if ((AtWord("option") || AtWord("choice")) && Peek(1).kind != Token::kEnd) ++at_;
  Items list = List();
  if (Peek().kind != Token::kEnd || list.items.empty()) return Fail();
  if (list.items.size() == 1) return std::move(list.items[0]);
  return Node(Op::kList, std::move(list.items), list.joiner);
}

Grammar::Items Grammar::List() {
  Depth depth(this);
  Items list;
  while (!failed_ && work_->Spend()) {
    list.items.push_back(Item());
    if (failed_ || !AtSeparator()) break;
    while (AtSeparator() && !failed_) {
      if (Peek().kind == Token::kWord) list.joiner = LowerCase(Peek().text);
      const bool comma = Peek().kind == Token::kSign;
      ++at_;
      if (!(comma && Peek().kind == Token::kWord && AtSeparator())) break;  // ", and" is one separator
    }
  }
  if (!work_->Spend()) failed_ = true;
  return list;
}

Expression Grammar::Item() {
  Depth depth(this);
  if (failed_) return {};
  const Token& token = Peek();
  const bool currency = token.text == "USD" && Peek(1).kind == Token::kNumber;
  if (token.kind == Token::kWord && !(token.text.size() == 1 && token.in_text) && !currency) return Words();
  return Relation();
}

// Words alone: a name, a day, "even", "no solution".
Expression Grammar::Words() {
  std::string text;
  while (!AtItemEnd() && work_->Spend()) {
    const Token& token = Peek();
    if (token.kind != Token::kWord && token.kind != Token::kLetter && !(token.kind == Token::kSign && (token.text == "-" || token.text == "'"))) {
      return Fail();
    }
    if (token.kind == Token::kLetter && token.text.size() > 1) return Fail();
    if (!text.empty() && token.space && token.kind != Token::kSign) text += ' ';
    text += LowerCase(token.text);
    ++at_;
  }
  constexpr std::array<std::string_view, 6> kNothing = {"no solution", "no solutions", "empty set", "the empty set", "no real solutions",
                                                        "no real solution"};
  if (std::find(kNothing.begin(), kNothing.end(), text) != kNothing.end()) return Leaf(Op::kSymbol, "∅");
  if (text == "all real numbers" || text == "all reals" || text == "all real" || text == "real numbers") return Leaf(Op::kSymbol, "ℝ");
  if (text == "all integers" || text == "integers") return Leaf(Op::kSymbol, "ℤ");
  if (text == "dne" || text == "undefined") text = "does not exist";
  return Leaf(Op::kText, text);
}

char Grammar::RelationSign() const {
  const Token& token = Peek();
  if (token.kind == Token::kSign) {
    if (token.text == "=") return '=';
    if (angles_ == 0 && (token.text == "<" || token.text == ">")) return token.text[0];
    return '\0';
  }
  if (token.kind != Token::kCommand) return '\0';
  if (token.text == "le") return 'l';
  if (token.text == "ge") return 'g';
  if (token.text == "ne") return 'n';
  if (token.text == "in") return 'e';
  if (token.text == "approx" || token.text == "equiv") return '=';
  return '\0';
}

Expression Grammar::Relation() {
  Depth depth(this);
  if (failed_) return {};
  std::vector<Expression> members;
  std::string signs;
  members.push_back(Member());
  while (!failed_ && work_->Spend()) {
    const char sign = RelationSign();
    if (sign == '\0') break;
    ++at_;
    signs.push_back(sign);
    members.push_back(Member());
  }
  if (signs.empty()) return std::move(members[0]);
  return Node(Op::kRelation, std::move(members), signs);
}

}  // namespace pith
