#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool IsWhole(const Expression& e) { return e.Is(Op::kNumber) && AllDigits(e.text); }

// Whether n/d is the fraction of a mixed number: whole numbers, n < d.
bool IsProperFraction(const Expression& n, const Expression& d) {
  if (!IsWhole(n) || !IsWhole(d)) return false;
  return n.text.size() != d.text.size() ? n.text.size() < d.text.size() : n.text < d.text;
}

// nCk, and nPk = n!/(n − k)!
Expression ChoicesOrOrders(const std::string& letter, Expression n, Expression k) {
  if (letter == "C") return Node(Op::kFunction, {std::move(n), std::move(k)}, "binom");
  Expression rest = Node(Op::kAdd, {n, Node(Op::kNegate, {std::move(k)})});
  return Node(Op::kDivide, {Node(Op::kFactorial, {std::move(n)}), Node(Op::kFactorial, {std::move(rest)})});
}

}  // namespace

Expression Grammar::Primary() {
  Depth depth(this);
  if (failed_ || !work_->Spend()) return Fail();
  const Token token = Peek();
  switch (token.kind) {
    case Token::kNumber: return NumberPrimary();
    case Token::kBased: {
      ++at_;
      return Node(Op::kBased, {Leaf(Op::kNumber, std::to_string(token.base))}, token.text);
    }
    case Token::kLetter: return Letter();
    case Token::kCommand: return CommandPrimary();
    case Token::kWord:
      if (token.text.size() == 1 && token.in_text) {  // \text{A}
        ++at_;
        return Leaf(Op::kSymbol, token.text);
      }
      return Fail();
    case Token::kSign: break;
    case Token::kEnd: return Fail();
  }
  if (token.text == "^" || token.text == "_" || (token.text == "{" && AtSign('}', 1) && (AtSign('^', 2) || AtSign('_', 2)))) return Prefixed();
  ++at_;
  if (token.text == "(" && Peek().kind == Token::kNumber && AllDigits(Peek().text) && AtSign(')', 1) && AtSign('_', 2)) {  // (1011)_2
    const size_t base = AtSign('{', 3) ? 4 : 3;
    if (Peek(base).kind == Token::kNumber && AllDigits(Peek(base).text) && (base == 3 || AtSign('}', 5))) {
      Expression based = Node(Op::kBased, {Leaf(Op::kNumber, Peek(base).text)}, Peek().text);
      at_ += base == 4 ? 6 : 4;
      return based;
    }
  }
  if (token.text == "(" || token.text == "]" || token.text == "[") return Bracketed(token.text);
  if (token.text == "{") return Braces(/*plain=*/true);
  if (token.text == "|") {
    ++bars_;
    Expression inside = Sum();
    --bars_;
    Expect(EatSign('|'));
    return Node(Op::kFunction, {std::move(inside)}, "abs");
  }
  if (token.text == "<") {
    ++angles_;
    Items items = List();
    --angles_;
    Expect(EatSign('>'));
    return Node(Op::kTuple, std::move(items.items), "<>");
  }
  return Fail();
}

Expression Grammar::Letter() {
  std::string name = tokens_[at_++].text;
  name += Subscript();
  while (AtSign('\'') || (AtSign('^') && AtSign('\'', 1))) {
    at_ += AtSign('^') ? 2 : 1;
    name += "'";
  }
  const bool dressed = name.find(':') != std::string::npos;
  // f^{-1}(x)
  const bool inverse = AtSign('^') && AtSign('{', 1) && AtSign('-', 2) && Peek(3).Is(Token::kNumber, "1") && AtSign('}', 4) && AtSign('(', 5);
  const bool usual = name[0] >= 'f' && name[0] <= 'h' && !dressed;
  if (usual && inverse) {
    at_ += 5;
    name += "^-1";
  }
  // p(x) = …
  const bool defined = !dressed && AtSign('(') && Peek(1).kind == Token::kLetter && AtSign(')', 2) && AtSign('=', 3);
  const bool function = usual || defined;
  if (AtSign('(') && !Peek().space && function) {
    ++at_;
    Items arguments = List();
    Expect(EatSign(')'));
    return Node(Op::kFunction, std::move(arguments.items), name);
  }
  return Leaf(Op::kSymbol, name);
}

Expression Grammar::Prefixed() {
  Depth depth(this);
  if (AtSign('{')) at_ += 2;
  const bool raised = AtSign('^');
  ++at_;
  Expression top = Argument(false);
  if (raised && EatSign('/')) {  // ^3/_4
    if (!EatSign('_')) return Fail();
    return Node(Op::kDivide, {std::move(top), Argument(false)});
  }
  const bool combinations = Peek().Is(Token::kLetter, "C"), permutations = Peek().Is(Token::kLetter, "P");
  if (failed_ || (!combinations && !permutations)) return Fail();
  ++at_;
  if (!EatSign('_')) return Fail();
  Expression bottom = Argument(false);
  return ChoicesOrOrders(combinations ? "C" : "P", std::move(top), std::move(bottom));
}

Expression Grammar::NumberPrimary() {
  const Token token = tokens_[at_++];
  Expression number = Leaf(Op::kNumber, token.text);
  if (!AllDigits(token.text)) return number;
  // 101 base 2, 101 (base 2)
  if (AtWord("in") && AtWord("base", 1)) ++at_;
  const size_t open = AtSign('(') ? 1 : 0;
  if (AtWord("base", open) && Peek(open + 1).kind == Token::kNumber && (open == 0 || AtSign(')', 3))) {
    Expression base = Leaf(Op::kNumber, Peek(open + 1).text);
    at_ += open ? 4 : 2;
    return Node(Op::kBased, {std::move(base)}, token.text);
  }
  // 8C3, 8P3
  if ((Peek().Is(Token::kLetter, "C") || Peek().Is(Token::kLetter, "P")) && !Peek().space && Peek(1).kind == Token::kNumber && !Peek(1).space && AllDigits(Peek(1).text)) {
    at_ += 2;
    return ChoicesOrOrders(tokens_[at_ - 2].text, std::move(number), Leaf(Op::kNumber, tokens_[at_ - 1].text));
  }
  // Mixed numbers: 3\frac12, 3 1/2.
  if (AtCommand("frac")) {
    const size_t before = at_;
    const std::vector<Token> kept(tokens_.begin() + static_cast<std::ptrdiff_t>(at_),
                                  tokens_.begin() + static_cast<std::ptrdiff_t>(std::min(at_ + 8, tokens_.size())));
    ++at_;
    Expression top = Argument(true), bottom = Argument(true);
    if (!failed_ && IsProperFraction(top, bottom)) {
      return Node(Op::kAdd, {std::move(number), Node(Op::kDivide, {std::move(top), std::move(bottom)})}, "mixed");
    }
    at_ = before;  // a product; read again (Argument may have cut digits off a token)
    std::copy(kept.begin(), kept.end(), tokens_.begin() + static_cast<std::ptrdiff_t>(at_));
    return number;
  }
  if (Peek().kind == Token::kNumber && Peek().space && AtSign('/', 1) && Peek(2).kind == Token::kNumber) {
    Expression top = Leaf(Op::kNumber, Peek().text), bottom = Leaf(Op::kNumber, Peek(2).text);
    if (IsProperFraction(top, bottom)) {
      at_ += 3;
      return Node(Op::kAdd, {std::move(number), Node(Op::kDivide, {std::move(top), std::move(bottom)})}, "mixed");
    }
  }
  return number;
}

Expression Grammar::Argument(bool one_digit) {
  Depth depth(this);
  if (failed_) return {};
  if (EatSign('{')) {
    Expression inside = WithOver(Sum());
    Expect(EatSign('}'));
    return inside;
  }
  if (Peek().kind == Token::kNumber) {
    Token& token = tokens_[at_];
    if (one_digit && token.text.size() > 1) {  // \frac12
      Expression digit = Leaf(Op::kNumber, token.text.substr(0, 1));
      token.text.erase(0, 1);
      if (token.text[0] == '.') return Fail();
      return digit;
    }
    ++at_;
    return Leaf(Op::kNumber, token.text);
  }
  return Primary();
}

std::string Grammar::Subscript() {
  if (!AtSign('_')) return "";
  ++at_;
  std::string name = "_";
  if (!EatSign('{')) {
    if (Peek().kind == Token::kEnd || Peek().kind == Token::kSign) failed_ = true;
    return name + tokens_[at_ < tokens_.size() - 1 ? at_++ : at_].text;
  }
  while (!failed_ && !AtSign('}') && Peek().kind != Token::kEnd && work_->Spend()) name += tokens_[at_++].text;
  Expect(EatSign('}'));
  return name;
}

}  // namespace pith
