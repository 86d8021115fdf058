#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {

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

Expression Grammar::WithOver(Expression top) {
  if (failed_) return {};
  if (EatCommand("over")) return Node(Op::kDivide, {std::move(top), Sum()});
  if (EatCommand("choose")) return Node(Op::kFunction, {std::move(top), Sum()}, "binom");
  return top;
}

Expression Grammar::Bracketed(const std::string& bracket) {
  const std::string open = bracket == "]" ? "(" : bracket;
  const int bars = bars_, angles = angles_;
  bars_ = angles_ = 0;  // bars inside are a pair of their own
  Items list = List();
  bars_ = bars;
  angles_ = angles;
  if (failed_) return {};
  std::string close;
  // ]0, 1[ is (0, 1)
  if (EatSign(')') || EatSign('[')) close = tokens_[at_ - 1].text == "[" && list.items.size() != 2 ? "" : ")";
  else if (EatSign(']')) close = "]";
  else return Fail();
  if (list.items.size() == 1) {
    if (open + close != "()" && open + close != "[]") return Fail();
    return std::move(list.items[0]);  // [\begin{array}…\end{array}] as well
  }
  if (!list.joiner.empty()) return Fail();
  // [1, 2; 3, 4]
  const size_t columns = list.rows.empty() ? 0 : list.rows[0];
  if (open + close == "[]" && columns > 1 && columns * (list.rows.size() + 1) == list.items.size()) {
    std::vector<Expression> rows;
    for (size_t at = 0; at < list.items.size(); at += columns) {
      const auto first = list.items.begin() + static_cast<std::ptrdiff_t>(at);
      rows.push_back(Node(Op::kTuple, std::vector<Expression>(first, first + static_cast<std::ptrdiff_t>(columns)), "row"));
    }
    return Node(Op::kMatrix, std::move(rows));
  }
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
  bars_ = plain ? 0 : 1;  // \{x | x > 2\}: the bar opens no absolute value
  angles_ = 0;
  ratios_ = false;
  Items list = List();
  ratios_ = ratios;
  bars_ = bars;
  angles_ = angles;
  if (failed_) return {};
  // \{x : x > 3\}: the condition says it all. {x : x > 3} comes of plain text.
  const bool names = list.items.size() == 1 && (!plain || list.items[0].Is(Op::kSymbol) || list.items[0].Is(Op::kRelation, "e"));
  if (names && (AtCommand("mid") || AtSign('|') || AtSign(':'))) {
    ++at_;
    Items condition = List();
    Expect(closes());
    if (failed_) return {};
    if (condition.items.size() == 1) return std::move(condition.items[0]);
    return Node(Op::kList, std::move(condition.items), condition.joiner.empty() ? "and" : condition.joiner);
  }
  Expect(closes());
  if (failed_) return {};
  if (plain && list.items.size() == 1) return std::move(list.items[0]);
  return Node(Op::kSet, std::move(list.items));
}

// A system of equations is a list; values with their conditions are a set of pairs.
Expression Grammar::Cases() {
  Depth depth(this);
  std::vector<Expression> rows;
  bool pairs = false;
  while (!failed_ && work_->Spend() && !EatCommand("end:cases")) {
    Expression row = Item();
    EatSign(',');
    if (EatSign('&')) {
      if (AtWord("if") || AtWord("when") || AtWord("for")) ++at_;
      pairs = true;
      row = Node(Op::kTuple, {std::move(row), Item()}, "case");
    }
    rows.push_back(std::move(row));
    EatSign(',');
    if (!EatCommand("\\")) {
      Expect(EatCommand("end:cases"));
      break;
    }
  }
  if (failed_ || work_->exhausted() || rows.empty()) return Fail();
  return pairs ? Node(Op::kSet, std::move(rows)) : Node(Op::kList, std::move(rows), "and");
}

Expression Grammar::Matrix(const std::string& environment) {
  Depth depth(this);
  if (failed_) return {};
  if (environment == "cases") return Cases();
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
