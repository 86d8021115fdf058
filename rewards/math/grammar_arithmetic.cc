#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

// Commands that are no values: no factor begins with them.
constexpr std::array<std::string_view, 62> kNoValues = {
    "le", "ge", "ne", "in", "approx", "equiv", "cup", "cap", "setminus", "pm", "mp", "times", "cdot", "div", "bmod", "mod", "pmod",
    "\\", "rbrace", "rangle", "rfloor", "rceil", "rvert", "rVert", "lbrace", "langle", "dollar", "euro", "pounds", "yen", "rupee", "cents", "choose",
    "mid", "?", "to", "rightarrow", "Rightarrow", "implies", "iff", "degree", "subset", "subseteq", "notin", "forall", "exists",
    "int", "lim", "over", "leftarrow", "Leftarrow", "mapsto", "perp", "parallel", "cong", "propto", "neg", "lnot", "therefore",
    "because", "underbrace", "cr"};

bool IsNameOfPoint(const Expression& left, const Expression& factor) {
  return factor.Is(Op::kTuple) && factor.text == "()" && left.Is(Op::kSymbol) && left.text.size() == 1 && left.text[0] >= 'A' && left.text[0] <= 'Z';
}
// P(1, 2) is (1, 2), but C(5, 2) and C(n, 2) are numbers of choices.
Expression PointOrChoice(const std::string& name, Expression tuple) {
  const auto whole = [](const Expression& e) { return e.Is(Op::kNumber) && e.text.find_first_not_of("0123456789") == std::string::npos; };
  const auto letter = [](const Expression& e, std::string_view of) { return e.Is(Op::kSymbol) && e.text.size() == 1 && of.find(e.text) != of.npos; };
  const bool choice = name == "C" && tuple.parts.size() == 2 && (whole(tuple.parts[0]) || letter(tuple.parts[0], "nmN")) &&
                      (whole(tuple.parts[1]) || letter(tuple.parts[1], "kr"));
  return choice ? Node(Op::kFunction, std::move(tuple.parts), "binom") : tuple;
}

bool IsDigitsOfOne(std::string_view name) { return name.size() == 1; }

}  // namespace

const Token& Grammar::Peek(size_t ahead) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
bool Grammar::AtSign(char c, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == Token::kSign && token.text[0] == c;
}
bool Grammar::AtCommand(const char* name, size_t ahead) const { return Peek(ahead).Is(Token::kCommand, name); }
bool Grammar::AtWord(const char* word, size_t ahead) const {
  return Peek(ahead).kind == Token::kWord && LowerCase(Peek(ahead).text) == word;
}
bool Grammar::EatSign(char c) {
  if (!AtSign(c)) return false;
  ++at_;
  return true;
}
bool Grammar::EatCommand(const char* name) {
  if (!AtCommand(name)) return false;
  ++at_;
  return true;
}
void Grammar::Expect(bool eaten) {
  if (!eaten) failed_ = true;
}
Expression Grammar::Fail() {
  failed_ = true;
  return {};
}

Expression Grammar::Sum() {
  Depth depth(this);
  if (failed_ || !work_->Spend()) return Fail();
  Expression left;
  if (AtCommand("pm") || AtCommand("mp")) {
    const std::string sign = AtCommand("pm") ? "+" : "-";
    ++at_;
    left = Node(Op::kPlusMinus, {Product()}, sign);
  } else {
    left = Product();
  }
  while (!failed_ && work_->Spend()) {
    if (EatSign('+')) {
      left = Node(Op::kAdd, {std::move(left), Product()});
    } else if (EatSign('-')) {
      left = Node(Op::kAdd, {std::move(left), Node(Op::kNegate, {Product()})});
    } else if (AtCommand("pm") || AtCommand("mp")) {
      const std::string sign = AtCommand("pm") ? "+" : "-";
      ++at_;
      left = Node(Op::kPlusMinus, {std::move(left), Product()}, sign);
    } else {
      break;
    }
  }
  return left;
}

bool Grammar::StartsFactor() const {
  const Token& token = Peek();
  switch (token.kind) {
    case Token::kNumber:
    case Token::kBased:
    case Token::kLetter: return true;
    case Token::kSign:
      if (token.text == "(") return !(AtCommand("bmod", 1) || AtCommand("mod", 1) || AtWord("base", 1));
      if (token.text == "[") return !(Peek(1).kind == Token::kEnd || AtCommand("cup", 1) || AtCommand("cap", 1) || AtSign(',', 1));
      return token.text == "{" || (token.text == "|" && bars_ == 0);
    case Token::kCommand:
      return std::find(kNoValues.begin(), kNoValues.end(), token.text) == kNoValues.end() && !token.text.starts_with("end:") &&
             !(IsDigitsOfOne(token.text));
    default: return false;
  }
}

// The member is a number up to here: 5, 3 × 10^8.
bool Grammar::IsNumberSoFar() const {
  const auto is_part = [](const Token& token) {
    return token.kind == Token::kNumber || token.Is(Token::kCommand, "times") || token.Is(Token::kCommand, "cdot") ||
           (token.kind == Token::kSign && std::string_view("^*{}-").find(token.text) != std::string_view::npos);
  };
  return at_ > member_ && tokens_[member_].kind == Token::kNumber &&
         std::all_of(tokens_.begin() + static_cast<std::ptrdiff_t>(member_), tokens_.begin() + static_cast<std::ptrdiff_t>(at_), is_part);
}

Expression Grammar::Product() {
  Depth depth(this);
  if (failed_) return {};
  Expression left = Signed();
  while (!failed_ && work_->Spend()) {
    if (AtSign('{') && AtSign('}', 1) && !AtSign('_', 2) && !AtSign('^', 2)) {  // an empty group
      at_ += 2;
      continue;
    }
    if (EatSign('*') || EatCommand("times") || EatCommand("cdot")) {
      left = Node(Op::kMultiply, {std::move(left), Signed()});
    } else if (AtSign('/') && Peek(1).kind == Token::kWord && IsNumberSoFar()) {
      break;  // 18/day
    } else if (EatSign('/') || EatCommand("div")) {
      left = Node(Op::kDivide, {std::move(left), Signed()});
    } else if (EatCommand("bmod")) {
      left = Node(Op::kFunction, {std::move(left), Signed()}, "mod");
    } else if (StartsFactor()) {
      const Token& next = Peek();
      const Token& before = tokens_[at_ - 1];
      // "3 4" is no product, and neither is "x 2".
      if ((next.kind == Token::kNumber || next.kind == Token::kBased) &&
          (before.kind == Token::kNumber || before.kind == Token::kLetter || before.kind == Token::kBased)) {
        break;
      }
      // 5 m, 3 × 10^8 m: a number alone, then the letter of a unit. Touching it, the letter is a variable.
      if (next.space && next.kind == Token::kLetter && std::string_view("mghsLJNW").find(next.text) != std::string_view::npos && IsNumberSoFar()) {
        const size_t here = at_++;
        const bool compound = Peek().kind == Token::kNumber && (Peek(1).kind == Token::kWord || Peek(1).kind == Token::kLetter);  // 1 h 30 min
        const bool power = AtSign('^') && (Peek(1).text == "2" || Peek(1).text == "3" || AtSign('-', AtSign('{', 1) ? 2 : 1));
        const bool product = (AtSign('*') || AtCommand("cdot") || AtCommand("times")) && (Peek(1).kind == Token::kLetter || Peek(1).kind == Token::kWord);
        const bool follows = Peek().kind == Token::kLetter && FindUnit(Peek().text) && AtSign('^', 1) && AtSign('-', AtSign('{', 2) ? 3 : 2);  // m s^{-1}
        const bool ends = follows || compound || AtItemEnd() || AtSign('/') || power || (product && FindUnit(Peek(1).text));
        at_ = here;
        if (ends) break;
      }
      // 25°C
      if (left.Is(Op::kDegree) && next.kind == Token::kLetter && (next.text == "C" || next.text == "F")) break;
      Expression factor = Power();
      left = IsNameOfPoint(left, factor) ? PointOrChoice(left.text, std::move(factor)) : Node(Op::kMultiply, {std::move(left), std::move(factor)});
    } else {
      break;
    }
  }
  return left;
}

Expression Grammar::Signed() {
  Depth depth(this);
  if (failed_) return {};
  if (EatSign('-')) return Node(Op::kNegate, {Signed()});
  if (EatSign('+')) return Signed();
  return Power();
}

bool Grammar::AtDegree() const {
  return AtCommand("degree") || (AtSign('^') && (AtCommand("degree", 1) || Peek(1).Is(Token::kLetter, "o") || (AtSign('{', 1) && AtCommand("degree", 2) && AtSign('}', 3))));
}

Expression Grammar::Power() {
  Depth depth(this);
  if (failed_ || !work_->Spend()) return Fail();
  Expression base = Postfix(Primary());
  if (base.Is(Op::kSymbol, "ℝ") && AtSign('^')) {  // ℝ^+, ℝ^{-}
    const size_t group = AtSign('{', 1) ? 1 : 0;
    const bool positive = AtSign('+', 1 + group), negative = AtSign('-', 1 + group);
    if ((positive || negative) && (group == 0 || AtSign('}', 3))) {
      at_ += 2 + 2 * group;
      Expression zero = Leaf(Op::kNumber, "0"), infinity = Leaf(Op::kSymbol, "∞");
      if (positive) return Node(Op::kTuple, {std::move(zero), std::move(infinity)}, "()");
      return Node(Op::kTuple, {Node(Op::kNegate, {std::move(infinity)}), std::move(zero)}, "()");
    }
  }
  if (base.Is(Op::kSymbol, "ℝ") && AtSign('_')) {  // ℝ_{\ge 0}, ℝ_{>0}
    const size_t sign = AtSign('{', 1) ? 2 : 1;
    const bool closed = AtCommand("ge", sign);
    if ((closed || AtSign('>', sign)) && Peek(sign + 1).Is(Token::kNumber, "0") && (sign == 1 || AtSign('}', 4))) {
      at_ += sign == 2 ? 5 : 3;
      std::vector<Expression> ends = {Leaf(Op::kNumber, "0"), Leaf(Op::kSymbol, "∞")};
      return closed ? Node(Op::kInterval, std::move(ends), "[)") : Node(Op::kTuple, std::move(ends), "()");
    }
  }
  while (!failed_ && AtSign('^') && !AtDegree()) {
    ++at_;
    // 5^{th}
    if ((AtSign('{') && Peek(1).kind == Token::kWord && AtSign('}', 2)) || Peek().kind == Token::kWord) {
      at_ += AtSign('{') ? 3 : 1;
      continue;
    }
    base = Postfix(Node(Op::kPower, {std::move(base), Exponent()}));
  }
  return base;
}

Expression Grammar::Exponent() {
  Depth depth(this);
  if (failed_) return {};
  if (EatSign('-')) return Node(Op::kNegate, {Exponent()});
  if (EatSign('+')) return Exponent();
  Expression exponent = AtSign('{') ? Argument(false) : Peek().kind == Token::kNumber ? Leaf(Op::kNumber, tokens_[at_++].text) : Primary();
  if (AtSign('^') && !AtDegree()) {
    ++at_;
    exponent = Node(Op::kPower, {std::move(exponent), Exponent()});
  }
  return exponent;
}

// 45° 30' 36'': the minutes and seconds behind a degree sign.
Expression Grammar::WithArcMinutes(Expression value) {
  // How many tokens the mark behind a number takes: ', ′, ^\prime, ^{\prime}; '' and ″.
  const auto mark = [&](bool seconds) -> size_t {
    if (seconds && AtCommand("dprime", 1)) return 1;
    const size_t raised = AtSign('^', 1) ? 1 : 0, group = raised == 1 && AtSign('{', 2) ? 1 : 0;
    size_t at = 1 + raised + group;
    const size_t marks = seconds ? 2 : 1;
    for (size_t i = 0; i < marks; ++i) {
      if (!AtSign('\'', at++)) return 0;
    }
    if (AtSign('\'', at) || (group == 1 && !AtSign('}', at++))) return 0;
    return at - 1;
  };
  for (const bool seconds : {false, true}) {
    if (!value.Is(Op::kNumber) && !value.Is(Op::kAdd)) return value;
    if (Peek().kind != Token::kNumber) return value;
    const size_t length = mark(seconds);
    if (length == 0) continue;
    Expression part = Node(Op::kDivide, {Leaf(Op::kNumber, Peek().text), Leaf(Op::kNumber, seconds ? "3600" : "60")});
    at_ += 1 + length;
    value = Node(Op::kAdd, {std::move(value), std::move(part)}, "arc");
  }
  return value;
}

Expression Grammar::Postfix(Expression value) {
  while (!failed_ && work_->Spend()) {
    if (AtSign('!') && AtSign('!', 1) && !Peek(1).space) {
      at_ += 2;
      if (AtSign('!')) return Fail();
      value = Node(Op::kFunction, {std::move(value)}, "!!");
    } else if (EatSign('!')) {
      value = Node(Op::kFactorial, {std::move(value)});
    } else if (EatSign('%')) {
      value = Node(Op::kPercent, {std::move(value)});
    } else if (AtDegree()) {
      at_ += AtCommand("degree") ? 1 : AtSign('{', 1) ? 4 : 2;
      value = Node(Op::kDegree, {WithArcMinutes(std::move(value))});
    } else {
      break;
    }
  }
  return value;
}

}  // namespace pith
