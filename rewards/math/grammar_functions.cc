#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {

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
  if (name == "root") {  // \root 3 \of 2
    Expression degree = Argument(false);
    Expect(EatCommand("of"));
    return Node(Op::kFunction, {Argument(false), std::move(degree)}, "root");
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
  if (name == "sum" || name == "prod") return SumOrProduct(name);
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
  // log2(8)
  if (name == "log" && !has_base && Peek().kind == Token::kNumber && !Peek().space && AtSign('(', 1) && !Peek(1).space) {
    base = Leaf(Op::kNumber, tokens_[at_++].text);
    has_base = true;
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

// \sum_{k=1}^{10} k^2: {first, last, term}, with the name that counts as \count:k in the term.
Expression Grammar::SumOrProduct(const std::string& name) {
  Depth depth(this);
  if (failed_) return {};
  Expression first, last;
  std::string counter;
  for (int i = 0; i < 2 && !failed_; ++i) {
    if (counter.empty() && AtSign('_') && AtSign('{', 1) && Peek(2).kind == Token::kLetter && AtSign('=', 3)) {
      counter = Peek(2).text;
      at_ += 4;
      first = Sum();
      Expect(EatSign('}'));
    } else if (EatSign('^')) {
      last = Exponent();
    } else {
      return Fail();
    }
  }
  Expression term = Product();
  if (failed_ || counter.empty()) return Fail();
  Rename(counter, "\\count:" + counter, &term);
  return Node(Op::kFunction, {std::move(first), std::move(last), std::move(term), Leaf(Op::kSymbol, "\\count:" + counter)}, name);
}

// \sin 2x, \cos 2\pi/3, \log_2 8: factors side by side, up to a sign or the next function.
Expression Grammar::FunctionArgument() {
  Depth depth(this);
  if (failed_) return {};
  Expression argument = EatSign('-') ? Node(Op::kNegate, {Power()}) : Power();
  while (!failed_ && work_->Spend()) {
    const bool divides = AtSign('/') && !Peek().space;
    if (divides && Peek(1).kind == Token::kCommand && IsFunctionName(Peek(1).text) && Peek(1).text != "sqrt") break;  // \ln 3/\ln 2
    if (divides) {
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
