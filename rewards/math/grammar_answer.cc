#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

bool IsArrow(std::string_view command) {
  constexpr std::array<std::string_view, 8> kArrows = {"implies", "Rightarrow", "Longrightarrow", "iff", "Leftrightarrow", "therefore",
                                                       "Longleftrightarrow", "longrightarrow"};
  return std::find(kArrows.begin(), kArrows.end(), command) != kArrows.end();
}

bool IsExceptPhrase(std::string_view text) {
  constexpr std::array<std::string_view, 4> kAll = {"all real numbers ", "all reals ", "real numbers ", "all real x "};
  for (std::string_view all : kAll) {
    if (!text.starts_with(all)) continue;
    const std::string_view rest = text.substr(all.size());
    if (rest == "except" || rest == "but" || rest == "except for" || rest == "other than") return true;
  }
  return false;
}

// ℝ without what is listed: "0", "x = 0 and 1".
Expression Without(std::vector<Expression> listed) {
  for (Expression& e : listed) {
    if (e.Is(Op::kRelation) && e.text == "=") e = Expression(e.parts[1]);
  }
  return Node(Op::kDifference, {Leaf(Op::kSymbol, "ℝ"), Node(Op::kSet, std::move(listed))});
}

}  // namespace

bool Grammar::AtSeparator() const {
  return AtSign(',') || AtSign(';') || AtWord("and") || AtWord("or") || AtCommand("cr") ||
         (AtCommand("\\") && Peek(1).kind != Token::kEnd);
}

bool Grammar::AtItemEnd() const {
  const Token& token = Peek();
  if (token.kind == Token::kEnd || AtSeparator()) return true;
  if (token.kind == Token::kSign) return std::string_view(")]}[|&:").find(token.text) != std::string_view::npos || (angles_ > 0 && token.text == ">");
  if (token.kind != Token::kCommand) return false;
  return token.text == "rbrace" || token.text == "rangle" || token.text == "\\" || token.text == "mid" || token.text.starts_with("end:");
}

// Drops what says nothing of the answer: "6 (since x > 0)", "2^n − 1 for n ≥ 1".
void Grammar::CutRemark() {
  const size_t last = tokens_.size() - 1;  // the end
  size_t cut = last;
  for (size_t i = at_ + 1; i + 1 < last && cut == last; ++i) {
    const Token& token = tokens_[i];
    const size_t comma = tokens_[i - 1].Is(Token::kSign, ",") && i > at_ + 1 ? 1 : 0;
    const bool behind_value = tokens_[i - 1 - comma].kind != Token::kWord;
    const Token& word = tokens_[i + 1];
    if (behind_value && comma == 0 && token.Is(Token::kSign, "(") && word.kind == Token::kWord && (token.space || word.in_text) &&
        word.text.size() > 1 && word.text != "base" && word.text != "or" && word.text != "and") {
      size_t close = i;
      while (close < last && !tokens_[close].Is(Token::kSign, ")")) ++close;
      if (close == last - 1) cut = i;
    }
    if (behind_value && token.kind == Token::kWord && (token.text == "for" || token.text == "where")) {
      for (size_t j = i + 1; j < last && cut == last; ++j) {
        const Token& t = tokens_[j];
        const bool relation = t.Is(Token::kSign, "=") || t.Is(Token::kSign, "<") || t.Is(Token::kSign, ">") || t.Is(Token::kCommand, "le") ||
                              t.Is(Token::kCommand, "ge") || t.Is(Token::kCommand, "ne") || t.Is(Token::kCommand, "in");
        if (!relation) continue;
        const bool parameter = j == i + 2 && word.kind == Token::kLetter && tokens_[j + 1].Is(Token::kCommand, "integers");
        if (!parameter) cut = i - comma;
        // "2πk where k ∈ ℤ" says what "2πk, k ∈ ℤ" does.
        else if (comma > 0) tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(i));
        else tokens_[i] = {Token::kSign, ","};
        if (parameter) return;
      }
    }
  }
  if (cut == last) return;
  tokens_.resize(cut);
  tokens_.push_back({});
}

Expression Grammar::Answer() {
  Depth depth(this);
  if (failed_) return {};
  // "2x = 10 \implies x = 5": what follows counts.
  for (size_t i = at_; i + 2 < tokens_.size(); ++i) {
    if (tokens_[i].kind == Token::kCommand && IsArrow(tokens_[i].text)) at_ = i + 1;
  }
  CutRemark();
  const Orders orders = CutOrders();
  if (AtSign('{') && AtSign('}', 1) && Peek(2).kind == Token::kEnd) return Leaf(Op::kSymbol, "∅");
  // "(B) 12", "B. 12": a choice with what it says.
  const size_t open = AtSign('(') ? 1 : 0;
  const Token& letter = Peek(open);
  if ((letter.kind == Token::kLetter || letter.kind == Token::kWord) && letter.text.size() == 1 && letter.text[0] >= 'A' &&
      letter.text[0] <= 'H') {
    const bool marked = open ? AtSign(')', 2) : AtSign(')', 1) || AtSign('.', 1) || (AtSign(':', 1) && Peek(2).space);
    const Token& behind = Peek(open + 2);
    if (marked && !open && behind.kind == Token::kEnd) {  // "B)"
      at_ += 2;
      return Leaf(Op::kSymbol, letter.text);
    }
    const bool sentence = AtWord("is", open + 2) || AtWord("cannot", open + 2) || AtWord("was", open + 2);
    if (marked && !sentence && behind.kind != Token::kEnd && behind.space &&
        (behind.kind != Token::kSign || behind.text == "(" || behind.text == "-" || behind.text == "|") && !AtWord("and", open + 2) &&
        !AtWord("or", open + 2)) {
      const std::string name = letter.text;
      at_ += open + 2;
      Expression rest = Answer();
      return Node(Op::kChoice, {std::move(rest)}, name);
    }
  }
  if ((AtWord("option") || AtWord("choice")) && Peek(1).kind != Token::kEnd) ++at_;
  Items list = List();
  if (Peek().kind != Token::kEnd || list.items.empty()) return Fail();
  if (list.items.size() == 1) return InOrders(std::move(list.items[0]), orders);
  return InOrders(Node(Op::kList, std::move(list.items), list.joiner), orders);
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
      if (AtSign(';')) list.rows.push_back(list.items.size());
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
  const bool currency = !CurrencyOfCode(token.text).empty() && Peek(1).kind == Token::kNumber;
  if (token.kind == Token::kWord && !(token.text.size() == 1 && token.in_text) && !currency) return Words();
  return Relation();
}

// Words alone: a name, a day, "even", "no solution".
Expression Grammar::Words() {
  std::string text;
  while (!AtItemEnd() && work_->Spend()) {
    const Token& token = Peek();
    if (IsExceptPhrase(text)) return Without(List().items);
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
  if (text == "noon" || text == "midnight") {
    return Node(Op::kRatio, {Leaf(Op::kNumber, "12"), Leaf(Op::kNumber, "00")}, text == "noon" ? "pm" : "am");
  }
  if (text == "infinitely many solutions" || text == "infinite solutions") text = "infinitely many";
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
  if (token.text == "approx") return '~';
  if (token.text == "equiv") return '=';
  return '\0';
}

// <1, 2>
bool Grammar::AtAngleVector() const {
  const Token& last = tokens_[tokens_.size() - 2];
  const auto is_comma = [](const Token& token) { return token.Is(Token::kSign, ","); };
  return AtSign('<') && last.Is(Token::kSign, ">") && std::any_of(tokens_.begin() + static_cast<std::ptrdiff_t>(at_), tokens_.end(), is_comma);
}

Expression Grammar::Relation() {
  Depth depth(this);
  if (failed_) return {};
  std::vector<Expression> members;
  std::string signs;
  if (const char sign = RelationSign(); sign == '=' || sign == '~') ++at_;  // "= 5"
  else if (sign != '\0' && !AtAngleVector()) members.push_back(Leaf(Op::kSymbol, "x"));  // "≥ 5"
  if (members.empty()) members.push_back(Member());
  while (!failed_ && work_->Spend()) {
    const char sign = RelationSign();
    if (sign == '\0') break;
    ++at_;
    signs.push_back(sign);
    members.push_back(Member());
  }
  if (signs.empty()) return std::move(members[0]);
  if (const size_t rounded = signs.find('~'); rounded != std::string::npos) {
    const bool names = members[rounded].Is(Op::kSymbol) && !IsConstantSymbol(members[rounded].text);
    if (names) {
      std::replace(signs.begin(), signs.end(), '~', '=');  // x ≈ 3.14
    } else {
      Expression last = std::move(members.back());
      members.resize(rounded + 1);
      signs.resize(rounded);
      Expression exact = signs.empty() ? std::move(members[0]) : Node(Op::kRelation, std::move(members), signs);
      return Node(Op::kApproximate, {std::move(exact), std::move(last)});
    }
  }
  return Node(Op::kRelation, std::move(members), signs);
}

}  // namespace pith
