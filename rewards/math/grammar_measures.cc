#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr size_t kMaxUnitWords = 8;

// A percent or degree sign belongs to the whole value: −90°, 2π%.
Expression Hoist(Expression value) {
  for (Op sign : {Op::kPercent, Op::kDegree}) {
    if (value.Is(Op::kNegate) && value.parts[0].Is(sign)) {
      return Node(sign, {Node(Op::kNegate, std::move(value.parts[0].parts))});
    }
    if ((value.Is(Op::kMultiply) || value.Is(Op::kDivide)) && value.parts[1].Is(sign) && !Contains(value.parts[0], sign)) {
      Expression inner = std::move(value.parts[1].parts[0]);
      value.parts[1] = std::move(inner);
      return Node(sign, {std::move(value)});
    }
    if (value.Is(Op::kAdd) && value.text == "mixed" && value.parts[1].Is(sign)) return value;
  }
  return value;
}

// "100% to 1 foot" is a ratio of two kinds, and no ratio in feet.
bool IsRatioOfKinds(const Expression& e) { return e.Is(Op::kQuantity) && e.parts[0].Is(Op::kRatio) && (Contains(e, Op::kPercent) || Contains(e, Op::kDegree)); }

// One name for one unit. A capital M is mega.
std::string UnitWord(std::string_view word) {
  std::string lower = LowerCase(word);
  if (word.size() > 1 && word.size() < 4 && word[0] == 'M' && word != "Mi" && FindUnit("M" + lower.substr(1))) lower[0] = 'M';
  if (lower == "degrees") return "degree";
  return lower;
}

bool IsClock(const std::string& word) { return word == "am" || word == "pm" || word == "oclock" || word == "noon" || word == "midnight"; }

}  // namespace

Expression Grammar::Member() {
  Depth depth(this);
  if (failed_) return {};
  // Currencies stand in front: \$5, -\$5, €5.
  const size_t sign = AtSign('-') ? 1 : 0;
  const Token& mark = Peek(sign);
  std::string currency;
  if (mark.kind == Token::kCommand) {
    if (mark.text == "dollar") currency = "$";
    if (mark.text == "euro") currency = "€";
    if (mark.text == "pounds") currency = "£";
    if (mark.text == "yen") currency = "¥";
    if (mark.text == "rupee") currency = "₹";
  }
  // USD 12, US$12
  if (mark.kind == Token::kWord && Peek(sign + 1).kind == Token::kNumber) currency = CurrencyOfCode(mark.text);
  if (!currency.empty()) {
    at_ += sign + 1;
    return Compound(Currency(currency, sign > 0));
  }
  member_ = at_ + (AtSign('-') ? 1 : 0);
  Expression value = WithOver(Hoist(SetSum()));
  if (failed_) return {};
  if (AtWord("to") && ratios_ && IsArithmetic(value)) {  // 2 to 3
    ++at_;
    Expression ratio = WithUnit(Node(Op::kRatio, {std::move(value), Sum()}));
    return IsRatioOfKinds(ratio) ? Fail() : ratio;
  }
  // 3 out of 4, 3 in 4
  const size_t words = AtWord("in") ? 1 : AtWord("out") && AtWord("of", 1) ? 2 : 0;
  if (words > 0 && Peek(words).kind == Token::kNumber && IsArithmetic(value)) {
    at_ += words;
    return WithUnit(Node(Op::kDivide, {std::move(value), Sum()}));
  }
  if (AtSign(':') && ratios_) {
    std::vector<Expression> parts = {std::move(value)};
    while (EatSign(':') && !failed_) parts.push_back(Sum());
    std::string clock;
    if (Peek().kind == Token::kWord && IsClock(LowerCase(Peek().text))) clock = LowerCase(tokens_[at_++].text);
    Expression ratio = WithUnit(Node(Op::kRatio, std::move(parts), clock));
    return IsRatioOfKinds(ratio) ? Fail() : ratio;
  }
  if (Peek().kind == Token::kWord && IsClock(LowerCase(Peek().text))) {
    std::string clock = LowerCase(tokens_[at_++].text);
    if (clock == "oclock") clock.clear();
    if (clock == "noon") clock = "pm";
    if (clock == "midnight") clock = "am";
    if (value.Is(Op::kNumber) && value.text.size() > 3 && value.text[value.text.size() - 3] == '.') {  // 7.30 pm
      const size_t point = value.text.size() - 3;
      return Node(Op::kRatio, {Leaf(Op::kNumber, value.text.substr(0, point)), Leaf(Op::kNumber, value.text.substr(point + 1))}, clock);
    }
    return Node(Op::kRatio, {std::move(value), Leaf(Op::kNumber, "00")}, clock);
  }
  if (AtCommand("pmod") || AtCommand("mod") || (AtSign('(') && (AtCommand("bmod", 1) || AtCommand("mod", 1)))) {
    const bool bracket = EatSign('(');
    ++at_;
    Expression modulus = AtSign('{') ? Argument(false) : Sum();
    if (bracket) Expect(EatSign(')'));
    return Node(Op::kModulo, {std::move(value), std::move(modulus)});
  }
  return Compound(WithUnit(std::move(value)));
}

Expression Grammar::Currency(const std::string& currency, bool negative) {
  member_ = at_;
  Expression value = Sum();
  if (Peek().kind == Token::kWord && IsClock(LowerCase(Peek().text))) return Fail();  // "$12 noon" is no price
  if (negative) value = Node(Op::kNegate, {std::move(value)});
  value = WithUnit(std::move(value));
  if (value.Is(Op::kQuantity)) {
    const auto unit = FindUnit(value.text);
    const bool money = !unit || unit->kind.size() == 3 || unit->kind.find('/') == 1 || unit->kind.find('/') == 3;  // "usd", "1/time", "usd/time"
    if (!money) return Fail();  // "$5 in" is no price
    value.text = currency;
  } else {
    value = Node(Op::kQuantity, {std::move(value)}, currency);
  }
  return value;
}

Expression Grammar::Compound(Expression value) {
  for (int more = 0; more < 3 && !failed_ && value.Is(Op::kQuantity); ++more) {
    const auto unit = FindUnit(value.text);
    const size_t words = AtWord("and") || AtSign(',') ? 1 : 0;
    const size_t behind = at_ + words + 1;
    // Only "number unit" continues a measure: 5 cm, 3 cm are two answers; 2 hours, 30 minutes is one.
    if (!unit || Peek(words).kind != Token::kNumber || behind + 1 >= tokens_.size()) return value;
    const Token& name = tokens_[behind];
    if (name.kind != Token::kWord && !(name.kind == Token::kLetter && name.text.size() == 1)) return value;
    const auto smaller = FindUnit(UnitWord(name.text));
    if (!smaller || smaller->kind != unit->kind) return value;
    // a/b of the one against c/d of the other
    if (static_cast<double>(smaller->numerator) / static_cast<double>(smaller->denominator) >=
        static_cast<double>(unit->numerator) / static_cast<double>(unit->denominator)) {
      return value;
    }
    Expression rest = Leaf(Op::kNumber, Peek(words).text);
    at_ = behind + 1;
    const auto number = [](int64_t n) { return Leaf(Op::kNumber, std::to_string(n)); };
    rest = Node(Op::kMultiply, {std::move(rest), Node(Op::kDivide, {Node(Op::kMultiply, {number(smaller->numerator), number(unit->denominator)}),
                                                                   Node(Op::kMultiply, {number(smaller->denominator), number(unit->numerator)})})});
    value.parts[0] = Node(Op::kAdd, {std::move(value.parts[0]), std::move(rest)}, "compound");
  }
  return value;
}

// The power of a unit: cm^2, \text{cm}^{2}, s^{-1}.
void Grammar::PowerOfUnit(std::string* unit) {
  Expect(EatSign('^') && !unit->empty());
  const bool group = EatSign('{'), negative = EatSign('-');
  const Token& power = Peek();
  if (power.kind != Token::kNumber || power.text.size() != 1 || (!negative && power.text != "2" && power.text != "3")) {
    Fail();
    return;
  }
  *unit += (negative ? "^-" : "^") + power.text;
  ++at_;
  if (group) Expect(EatSign('}'));
}

// What stands behind a value up to the item's end: cm^2, square units, miles per hour, thousand, percent, dollars.
Expression Grammar::WithUnit(Expression value) {
  if (failed_ || AtItemEnd() || RelationSign() != '\0') return value;
  std::string unit;
  size_t words = 0;
  if (value.Is(Op::kDegree) && (Peek().text == "C" || Peek().text == "F") && Peek().kind != Token::kCommand) {
    const std::string name = "°" + LowerCase(tokens_[at_++].text);
    Expression inner = std::move(value.parts[0]);
    return Node(Op::kQuantity, {std::move(inner)}, name);
  }
  if (AtCommand("cents") || AtCommand("dollar") || AtCommand("euro") || AtCommand("pounds") || AtCommand("yen")) {
    const std::string& name = tokens_[at_++].text;
    unit = name == "cents" ? "¢" : name == "dollar" ? "$" : name == "euro" ? "€" : name == "yen" ? "¥" : "£";
    if (!AtItemEnd()) return Fail();
    return Node(Op::kQuantity, {std::move(value)}, unit);
  }
  while (!failed_ && !AtItemEnd() && RelationSign() == '\0') {
    const Token& token = Peek();
    if (!work_->Spend()) return Fail();
    if (EatSign('/')) {
      unit += '/';
      continue;
    }
    if (AtSign('^')) {
      PowerOfUnit(&unit);
      continue;
    }
    if (!unit.empty() && (AtSign('*') || AtCommand("cdot") || AtCommand("times"))) {  // N·m
      ++at_;
      unit += '*';
      continue;
    }
    if (AtSign('-') && !unit.empty()) {  // square-inches
      ++at_;
      unit += ' ';
      continue;
    }
    const bool letter = token.kind == Token::kLetter && token.text.size() == 1 && (token.space || unit.ends_with("/") || unit.ends_with("*"));
    if (token.kind == Token::kNumber && FindUnit(unit)) break;  // 2 hours 30 minutes
    if ((token.kind != Token::kWord && !letter) || ++words > kMaxUnitWords) return Fail();
    const std::string word = UnitWord(token.text);
    ++at_;
    if (words == 1) {
      if (const int64_t scale = ScaleWord(word)) {
        value = Node(Op::kMultiply, {std::move(value), Leaf(Op::kNumber, std::to_string(scale))}, "scaled");
        words = 0;
        continue;
      }
      const bool per_cent = word == "per" && AtWord("cent");
      if (per_cent) ++at_;
      if (word == "percent" || word == "pct" || per_cent) {
        value = Node(Op::kPercent, {std::move(value)});
        words = 0;
        continue;
      }
      if (word == "st" || word == "nd" || word == "rd" || word == "th") {
        words = 0;
        continue;
      }
    }
    if (IsNoUnit(word)) return Fail();
    if (word == "per" && !unit.empty()) {
      unit += '/';
      continue;
    }
    if (!unit.empty() && std::string_view("/* ").find(unit.back()) == std::string_view::npos) unit += ' ';
    unit += word;
  }
  if (failed_ || unit.empty()) return value;
  if (unit == "degree") return Node(Op::kDegree, {std::move(value)});
  // 100 degrees Celsius
  if (unit == "degree celsius" || unit == "degree c") unit = "°c";
  if (unit == "degree fahrenheit" || unit == "degree f") unit = "°f";
  return Node(Op::kQuantity, {std::move(value)}, unit);
}

}  // namespace pith
