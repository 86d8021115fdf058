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

// Commands that are no values: no factor begins with them.
constexpr std::array<std::string_view, 64> kNoValues = {
    "le", "ge", "ne", "in", "approx", "equiv", "cup", "cap", "setminus", "pm", "mp", "times", "cdot", "div", "bmod", "mod", "pmod",
    "\\", "rbrace", "rangle", "rfloor", "rceil", "rvert", "rVert", "lbrace", "langle", "dollar", "euro", "pounds", "yen", "rupee", "cents", "choose",
    "mid", "?", "to", "rightarrow", "Rightarrow", "implies", "iff", "degree", "subset", "subseteq", "notin", "forall", "exists", "sum",
    "prod", "int", "lim", "over", "leftarrow", "Leftarrow", "mapsto", "perp", "parallel", "cong", "propto", "neg", "lnot", "therefore",
    "because", "underbrace", "cr"};

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
      return token.text == "{" || (token.text == "|" && bars_ == 0);
    case Token::kCommand:
      return std::find(kNoValues.begin(), kNoValues.end(), token.text) == kNoValues.end() && !token.text.starts_with("end:") &&
             !(IsDigitsOfOne(token.text));
    default: return false;
  }
}

Expression Grammar::Product() {
  Depth depth(this);
  if (failed_) return {};
  Expression left = Signed();
  while (!failed_ && work_->Spend()) {
    if (EatSign('*') || EatCommand("times") || EatCommand("cdot")) {
      left = Node(Op::kMultiply, {std::move(left), Signed()});
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
      // 5 m: a number alone, then the letter of a unit. Touching it, the letter is a variable.
      if (at_ == member_ + 1 && before.kind == Token::kNumber && next.space && next.kind == Token::kLetter &&
          std::string_view("mghsL").find(next.text) != std::string_view::npos) {
        const size_t here = at_++;
        const bool ends = AtItemEnd() || AtSign('/');
        at_ = here;
        if (ends) break;
      }
      // 25°C
      if (left.Is(Op::kDegree) && next.kind == Token::kLetter && (next.text == "C" || next.text == "F")) break;
      left = Node(Op::kMultiply, {std::move(left), Power()});
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
  return AtCommand("degree") || (AtSign('^') && (AtCommand("degree", 1) || (AtSign('{', 1) && AtCommand("degree", 2) && AtSign('}', 3))));
}

Expression Grammar::Power() {
  Depth depth(this);
  if (failed_ || !work_->Spend()) return Fail();
  Expression base = Postfix(Primary());
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

Expression Grammar::Postfix(Expression value) {
  while (!failed_ && work_->Spend()) {
    if (EatSign('!')) {
      value = Node(Op::kFactorial, {std::move(value)});
    } else if (EatSign('%')) {
      value = Node(Op::kPercent, {std::move(value)});
    } else if (AtDegree()) {
      at_ += AtCommand("degree") ? 1 : AtSign('{', 1) ? 4 : 2;
      value = Node(Op::kDegree, {std::move(value)});
    } else {
      break;
    }
  }
  return value;
}

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
    case Token::kLetter: {
      ++at_;
      std::string name = token.text + Subscript();
      while (AtSign('\'') || (AtSign('^') && AtSign('\'', 1))) {
        at_ += AtSign('^') ? 2 : 1;
        name += "'";
      }
      const char letter = name[0];
      if (AtSign('(') && !Peek().space && (letter == 'f' || letter == 'g' || letter == 'h') && !name.starts_with("hat")) {
        ++at_;
        Items arguments = List();
        Expect(EatSign(')'));
        return Node(Op::kFunction, std::move(arguments.items), name);
      }
      return Leaf(Op::kSymbol, name);
    }
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
  ++at_;
  if (token.text == "(" || token.text == "[") return Bracketed(token.text);
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

Expression Grammar::NumberPrimary() {
  const Token token = tokens_[at_++];
  Expression number = Leaf(Op::kNumber, token.text);
  if (!AllDigits(token.text)) return number;
  // 101 base 2, 101 (base 2)
  const size_t open = AtSign('(') ? 1 : 0;
  if (AtWord("base", open) && Peek(open + 1).kind == Token::kNumber && (open == 0 || AtSign(')', 3))) {
    Expression base = Leaf(Op::kNumber, Peek(open + 1).text);
    at_ += open ? 4 : 2;
    return Node(Op::kBased, {std::move(base)}, token.text);
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
    Expression inside = Sum();
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

Expression Grammar::CommandPrimary() {
  const std::string name = tokens_[at_].text;
  if (name == "lbrace") {
    ++at_;
    return Braces(/*plain=*/false);
  }
  if (name == "langle") {
    ++at_;
    Items items = List();
    Expect(EatCommand("rangle"));
    return Node(Op::kTuple, std::move(items.items), "<>");
  }
  if (name.starts_with("begin:")) {
    ++at_;
    return Matrix(name.substr(6));
  }
  if (!StartsFactor()) return Fail();
  ++at_;
  if (name == "frac") {
    // frac(1, 2) is no form of LaTeX, so brackets here hold one argument as anywhere.
    Expression top = Argument(true);
    return Node(Op::kDivide, {std::move(top), Argument(true)});
  }
  if (name == "sqrt" || name == "cbrt") {
    Expression degree = Leaf(Op::kNumber, name == "sqrt" ? "2" : "3");
    if (EatSign('[')) {
      degree = Sum();
      Expect(EatSign(']'));
    }
    Expression radicand = Argument(false);
    return Node(Op::kFunction, {std::move(radicand), std::move(degree)}, "root");
  }
  if (name == "binom" && !AtSign('(')) {
    Expression top = Argument(true);
    return Node(Op::kFunction, {std::move(top), Argument(true)}, "binom");
  }
  if (name == "lfloor" || name == "lceil" || name == "lvert" || name == "lVert") {
    Expression inside = Sum();
    Expect(EatCommand(name == "lfloor" ? "rfloor" : name == "lceil" ? "rceil" : name == "lvert" ? "rvert" : "rVert"));
    return Node(Op::kFunction, {std::move(inside)}, name == "lfloor" ? "floor" : name == "lceil" ? "ceil" : "abs");
  }
  if (IsFunctionName(name)) return Function(name);
  if (name == "pi") return Leaf(Op::kSymbol, "π");
  if (name == "infty") return Leaf(Op::kSymbol, "∞");
  if (name == "emptyset") return Leaf(Op::kSymbol, "∅");
  if (name == "reals") return Leaf(Op::kSymbol, "ℝ");
  if (name == "integers") return Leaf(Op::kSymbol, "ℤ");
  if (name == "rationals") return Leaf(Op::kSymbol, "ℚ");
  if (name == "naturals") return Leaf(Op::kSymbol, "ℕ");
  if (name == "complexes") return Leaf(Op::kSymbol, "ℂ");
  if (AtSign('{')) return Fail();  // a command with an argument that is not known here
  std::string symbol = name + Subscript();
  return Leaf(Op::kSymbol, "\\" + symbol);
}

Expression Grammar::Function(const std::string& name) {
  Depth depth(this);
  if (failed_) return {};
  Expression power;
  bool has_power = false;
  std::string function = name;
  Expression base;
  bool has_base = false;
  for (int i = 0; i < 2; ++i) {
    if (AtSign('^') && !has_power) {
      ++at_;
      power = Exponent();
      has_power = true;
    } else if (AtSign('_') && !has_base) {
      ++at_;
      base = Argument(false);
      has_base = true;
    }
  }
  // sin^{-1} is the inverse.
  if (has_power && power.Is(Op::kNegate) && power.parts[0].Is(Op::kNumber, "1") &&
      (name == "sin" || name == "cos" || name == "tan" || name == "cot" || name == "sec" || name == "csc")) {
    function = "arc" + name;
    has_power = false;
  }
  std::vector<Expression> arguments;
  if (EatSign('(')) {
    arguments = List().items;
    Expect(EatSign(')'));
  } else {
    arguments.push_back(FunctionArgument());
  }
  if (function == "asin" || function == "acos" || function == "atan") function = "arc" + function.substr(1);
  if (function == "lg") function = "log";
  if (has_base && function == "log") arguments.push_back(std::move(base));
  Expression result = Node(Op::kFunction, std::move(arguments), function);
  return has_power ? Node(Op::kPower, {std::move(result), std::move(power)}) : result;
}

// \sin 2x, \cos 2\pi/3, \log_2 8: factors side by side, up to a sign or the next function.
Expression Grammar::FunctionArgument() {
  Depth depth(this);
  if (failed_) return {};
  Expression argument = EatSign('-') ? Node(Op::kNegate, {Power()}) : Power();
  while (!failed_ && work_->Spend()) {
    if (AtSign('/') && !Peek().space) {
      ++at_;
      argument = Node(Op::kDivide, {std::move(argument), Power()});
    } else if (StartsFactor() && Peek().kind != Token::kNumber && !AtSign('(') && !AtSign('|') &&
               !(Peek().kind == Token::kCommand && IsFunctionName(Peek().text) && Peek().text != "sqrt")) {
      argument = Node(Op::kMultiply, {std::move(argument), Power()});
    } else {
      break;
    }
  }
  return argument;
}

}  // namespace pith
