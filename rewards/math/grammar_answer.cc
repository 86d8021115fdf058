#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
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
    if (value.Is(Op::kMultiply) && value.parts[1].Is(sign) && !Contains(value.parts[0], sign)) {
      Expression inner = std::move(value.parts[1].parts[0]);
      value.parts[1] = std::move(inner);
      return Node(sign, {std::move(value)});
    }
    if (value.Is(Op::kAdd) && value.text == "mixed" && value.parts[1].Is(sign)) return value;
  }
  return value;
}

// One name for one unit.
std::string UnitWord(std::string_view word) {
  const std::string lower = LowerCase(word);
  if (lower == "degrees") return "degree";
  return lower;
}

bool IsClock(const std::string& word) { return word == "am" || word == "pm"; }

}  // namespace

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
  if (mark.kind == Token::kWord && mark.text == "USD") currency = "$";
  if (!currency.empty()) {
    at_ += sign + 1;
    Expression value = Sum();
    if (sign) value = Node(Op::kNegate, {std::move(value)});
    value = WithUnit(std::move(value));
    if (value.Is(Op::kQuantity)) value.text = currency;
    else value = Node(Op::kQuantity, {std::move(value)}, currency);
    return value;
  }
  member_ = at_ + (AtSign('-') ? 1 : 0);
  Expression value = Hoist(SetSum());
  if (failed_) return {};
  if (AtSign(':') && ratios_) {
    std::vector<Expression> parts = {std::move(value)};
    while (EatSign(':') && !failed_) parts.push_back(Sum());
    std::string clock;
    if (Peek().kind == Token::kWord && IsClock(LowerCase(Peek().text))) clock = LowerCase(tokens_[at_++].text);
    return WithUnit(Node(Op::kRatio, std::move(parts), clock));
  }
  if (Peek().kind == Token::kWord && IsClock(LowerCase(Peek().text))) {
    const std::string clock = LowerCase(tokens_[at_++].text);
    return Node(Op::kRatio, {std::move(value), Leaf(Op::kNumber, "00")}, clock);
  }
  if (AtCommand("pmod") || AtCommand("mod") || (AtSign('(') && (AtCommand("bmod", 1) || AtCommand("mod", 1)))) {
    const bool bracket = EatSign('(');
    ++at_;
    Expression modulus = AtSign('{') ? Argument(false) : Sum();
    if (bracket) Expect(EatSign(')'));
    return Node(Op::kModulo, {std::move(value), std::move(modulus)});
  }
  return WithUnit(std::move(value));
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
    if (AtSign('^')) {  // cm^2, \text{cm}^{2}
      const bool group = AtSign('{', 1);
      const Token& power = Peek(group ? 2 : 1);
      if (power.kind != Token::kNumber || (power.text != "2" && power.text != "3") || unit.empty()) return Fail();
      unit += "^" + power.text;
      at_ += group ? 4 : 2;
      if (group && !tokens_[at_ - 1].Is(Token::kSign, "}")) return Fail();
      continue;
    }
    if (AtSign('-') && !unit.empty()) {  // square-inches
      ++at_;
      unit += ' ';
      continue;
    }
    const bool letter = token.kind == Token::kLetter && token.text.size() == 1 && (token.space || unit.ends_with("/"));
    if ((token.kind != Token::kWord && !letter) || ++words > kMaxUnitWords) return Fail();
    const std::string word = UnitWord(token.text);
    ++at_;
    if (words == 1) {
      if (const int64_t scale = ScaleWord(word)) {
        value = Node(Op::kMultiply, {std::move(value), Leaf(Op::kNumber, std::to_string(scale))});
        words = 0;
        continue;
      }
      if (word == "percent") {
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
    if (!unit.empty() && unit.back() != '/' && unit.back() != ' ') unit += ' ';
    unit += word;
  }
  if (failed_ || unit.empty()) return value;
  if (unit == "degree") return Node(Op::kDegree, {std::move(value)});
  // 100 degrees Celsius
  if (unit == "degree celsius" || unit == "degree c") unit = "°c";
  if (unit == "degree fahrenheit" || unit == "degree f") unit = "°f";
  return Node(Op::kQuantity, {std::move(value)}, unit);
}

Expression Grammar::SetSum() {
  Depth depth(this);
  if (failed_) return {};
  Expression left = SetTerm();
  while (!failed_ && work_->Spend()) {
    if (EatCommand("cup")) {
      left = Node(Op::kUnion, {std::move(left), SetTerm()});
    } else if (EatCommand("setminus")) {
      left = Node(Op::kDifference, {std::move(left), SetTerm()});
    } else {
      break;
    }
  }
  return left;
}

Expression Grammar::SetTerm() {
  Expression left = Sum();
  while (!failed_ && work_->Spend() && EatCommand("cap")) left = Node(Op::kIntersection, {std::move(left), Sum()});
  // ℝ − {2}
  if (left.Is(Op::kAdd) && left.parts[0].Is(Op::kSymbol, "ℝ") && left.parts[1].Is(Op::kNegate)) {
    Expression removed = std::move(left.parts[1].parts[0]);
    if (!removed.Is(Op::kSet)) removed = Node(Op::kSet, {std::move(removed)});
    left = Node(Op::kDifference, {Leaf(Op::kSymbol, "ℝ"), std::move(removed)});
  }
  return left;
}

Expression Grammar::Bracketed(const std::string& open) {
  const int bars = bars_, angles = angles_;
  bars_ = angles_ = 0;  // bars inside are a pair of their own
  Items list = List();
  bars_ = bars;
  angles_ = angles;
  if (failed_) return {};
  std::string close;
  if (EatSign(')')) close = ")";
  else if (EatSign(']')) close = "]";
  else return Fail();
  if (list.items.size() == 1) {
    if (open + close != "()" && open + close != "[]") return Fail();
    return std::move(list.items[0]);
  }
  if (!list.joiner.empty()) return Fail();
  if (open + close == "()") return Node(Op::kTuple, std::move(list.items), "()");
  if (list.items.size() == 2) return Node(Op::kInterval, std::move(list.items), open + close);
  if (open + close != "[]") return Fail();
  return Node(Op::kTuple, std::move(list.items), "[]");
}

Expression Grammar::Braces(bool plain) {
  Depth depth(this);
  if (failed_) return {};
  const auto closes = [&] { return plain ? EatSign('}') : EatCommand("rbrace"); };
  if (closes()) return plain ? Fail() : Leaf(Op::kSymbol, "∅");
  const int bars = bars_, angles = angles_;
  const bool ratios = ratios_;
  bars_ = angles_ = 0;
  ratios_ = false;
  Items list = List();
  ratios_ = ratios;
  bars_ = bars;
  angles_ = angles;
  if (failed_) return {};
  // \{x : x > 3\}: the condition says it all.
  if (!plain && list.items.size() == 1 && (AtCommand("mid") || AtSign('|') || AtSign(':'))) {
    ++at_;
    Items condition = List();
    Expect(closes());
    if (failed_) return {};
    if (condition.items.size() == 1) return std::move(condition.items[0]);
    return Node(Op::kList, std::move(condition.items), condition.joiner.empty() ? "and" : condition.joiner);
  }
  if (plain && list.items.size() == 1 && EatCommand("choose")) {
    Expression bottom = Sum();
    Expect(closes());
    return Node(Op::kFunction, {std::move(list.items[0]), std::move(bottom)}, "binom");
  }
  Expect(closes());
  if (failed_) return {};
  if (plain && list.items.size() == 1) return std::move(list.items[0]);
  return Node(Op::kSet, std::move(list.items));
}

Expression Grammar::Matrix(const std::string& environment) {
  Depth depth(this);
  if (failed_) return {};
  constexpr std::array<std::string_view, 7> kKinds = {"pmatrix", "bmatrix", "matrix", "Bmatrix", "vmatrix", "array", "smallmatrix"};
  if (std::find(kKinds.begin(), kKinds.end(), environment) == kKinds.end()) return Fail();
  const int bars = bars_;
  bars_ = 0;
  std::vector<Expression> rows;
  std::vector<Expression> cells;
  const std::string end = "end:" + environment;
  while (!failed_ && work_->Spend()) {
    if (AtCommand(end.c_str()) && cells.empty() && !rows.empty()) {  // \\ behind the last row
      ++at_;
      break;
    }
    cells.push_back(Sum());
    if (EatSign('&')) continue;
    rows.push_back(Node(Op::kTuple, std::move(cells), "row"));
    cells.clear();
    if (EatCommand("\\")) continue;
    Expect(EatCommand(end.c_str()));
    break;
  }
  bars_ = bars;
  if (work_->exhausted()) failed_ = true;
  for (const Expression& row : rows) {
    if (row.parts.size() != rows[0].parts.size()) return Fail();
  }
  Expression matrix = Node(Op::kMatrix, std::move(rows));
  if (environment == "vmatrix") return Node(Op::kFunction, {std::move(matrix)}, "det");
  return matrix;
}

}  // namespace pith
