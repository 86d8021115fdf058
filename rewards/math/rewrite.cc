#include "rewards/math/rewrite.h"

#include <algorithm>
#include <utility>

namespace pith {
namespace {

bool IsVector(const Expression& e) { return e.Is(Op::kMatrix) || e.Is(Op::kTuple); }

// f to every cell.
template <class Map>
Expression MapCells(const Expression& e, const Map& map) {
  Expression result = e;
  for (Expression& part : result.parts) part = IsVector(part) ? MapCells(part, map) : map(part);
  return result;
}

// A tuple is a row and a column.
Expression Transposed(Expression e) {
  if (!e.Is(Op::kMatrix)) return e;
  std::vector<Expression> rows(e.parts[0].parts.size(), Node(Op::kTuple, {}, "row"));
  for (Expression& row : e.parts) {
    for (size_t at = 0; at < rows.size(); ++at) rows[at].parts.push_back(std::move(row.parts[at]));
  }
  return Node(Op::kMatrix, std::move(rows));
}

bool SameShape(const Expression& a, const Expression& b) {
  if (a.op != b.op || a.parts.size() != b.parts.size()) return false;
  for (size_t i = 0; i < a.parts.size(); ++i) {
    const bool x = IsVector(a.parts[i]), y = IsVector(b.parts[i]);
    if (x != y || (x && !SameShape(a.parts[i], b.parts[i]))) return false;
  }
  return true;
}

Expression AddCells(const Expression& a, const Expression& b) {
  Expression result = a;
  for (size_t i = 0; i < a.parts.size(); ++i) {
    result.parts[i] = IsVector(a.parts[i]) ? AddCells(a.parts[i], b.parts[i]) : Node(Op::kAdd, {a.parts[i], b.parts[i]});
  }
  return result;
}

// Row times column; nothing where the shapes do not fit.
std::optional<Expression> MultiplyMatrices(const Expression& a, const Expression& b) {
  const size_t inner = b.parts.size();
  if (!a.Is(Op::kMatrix) || !b.Is(Op::kMatrix) || a.parts[0].parts.size() != inner || inner > 6) return std::nullopt;
  std::vector<Expression> rows;
  for (const Expression& row : a.parts) {
    std::vector<Expression> cells;
    for (size_t column = 0; column < b.parts[0].parts.size(); ++column) {
      Expression sum = Node(Op::kMultiply, {row.parts[0], b.parts[0].parts[column]});
      for (size_t i = 1; i < inner; ++i) sum = Node(Op::kAdd, {std::move(sum), Node(Op::kMultiply, {row.parts[i], b.parts[i].parts[column]})});
      cells.push_back(std::move(sum));
    }
    rows.push_back(Node(Op::kTuple, std::move(cells), "row"));
  }
  return Node(Op::kMatrix, std::move(rows));
}

size_t CountSigns(const Expression& e) {
  size_t count = e.Is(Op::kPlusMinus) ? 1 : 0;
  for (const Expression& part : e.parts) count += CountSigns(part);
  return count;
}

// `signs` has a bit per ±, in the order of the text; 0 is the upper sign.
Expression Choose(Expression result, bool independent, unsigned signs, unsigned* next) {
  for (Expression& part : result.parts) part = Choose(std::move(part), independent, signs, next);
  if (!result.Is(Op::kPlusMinus)) return result;
  const unsigned bit = independent ? (signs >> (*next)++) & 1 : signs & 1;
  const bool minus = (bit == 1) != (result.text == "-");
  Expression last = std::move(result.parts.back());
  if (minus) last = Node(Op::kNegate, {std::move(last)});
  return result.parts.size() == 1 ? last : Node(Op::kAdd, {std::move(result.parts[0]), std::move(last)});
}

// The name on the left of f(x) = …, P(x) = …, y = …, x = ….
std::optional<std::pair<std::string, bool>> NameOf(const Expression& e) {
  if (e.Is(Op::kSymbol) && !IsConstantSymbol(e.text)) return std::pair(e.text, e.text == "y");
  if (e.Is(Op::kFunction) && e.parts.size() == 1 && e.parts[0].Is(Op::kSymbol) && !e.text.empty() &&
      (e.text.size() == 1 || e.text[1] == '_' || e.text[1] == '\'' || e.text[1] == '^')) {
    return std::pair(e.text, true);
  }
  if (e.Is(Op::kFunction, "abs") && e.parts[0].Is(Op::kMultiply)) {  // |AB|
    const auto name = NameOf(e.parts[0]);
    return name && !name->second ? name : std::nullopt;
  }
  if (e.Is(Op::kMultiply) && e.parts[0].Is(Op::kSymbol) && e.parts[1].Is(Op::kSymbol) && e.parts[0].text.size() == 1 &&
      e.parts[0].text[0] >= 'A' && e.parts[0].text[0] <= 'Z') {
    const std::string& second = e.parts[1].text;
    if (second.size() != 1 || second[0] < 'A' || second[0] > 'Z') return std::pair(e.parts[0].text, true);
    return std::pair(std::min(e.parts[0].text, second) + std::max(e.parts[0].text, second), false);  // AB, a length
  }
  if (e.Is(Op::kPower) && e.parts[0].Is(Op::kSymbol) && e.parts[0].text.size() == 1 && e.parts[0].text[0] >= 'A' && e.parts[0].text[0] <= 'Z') {  // A^{-1}, A^T
    return std::pair(e.parts[0].text + "^", true);
  }
  return std::nullopt;
}

}  // namespace

Expression FoldMatrices(Expression e) {
  bool vectors = false;
  for (Expression& part : e.parts) {
    part = FoldMatrices(std::move(part));
    vectors = vectors || IsVector(part);
  }
  const bool transposed = e.Is(Op::kPower) && (e.parts[1].Is(Op::kSymbol, "T") || e.parts[1].Is(Op::kSymbol, "\\top"));
  if (transposed && e.parts[0].Is(Op::kInterval, "[]")) return Node(Op::kTuple, std::move(e.parts[0].parts), "[]");
  if (!vectors) return e;
  if (e.Is(Op::kNegate)) return MapCells(e.parts[0], [](const Expression& cell) { return Node(Op::kNegate, {cell}); });
  if (transposed && IsVector(e.parts[0])) return Transposed(std::move(e.parts[0]));
  if (e.Is(Op::kMultiply) && IsVector(e.parts[0]) != IsVector(e.parts[1])) {
    const Expression& scalar = IsVector(e.parts[0]) ? e.parts[1] : e.parts[0];
    const Expression& matrix = IsVector(e.parts[0]) ? e.parts[0] : e.parts[1];
    if (!IsArithmetic(scalar)) return e;
    return MapCells(matrix, [&](const Expression& cell) { return Node(Op::kMultiply, {scalar, cell}); });
  }
  if (e.Is(Op::kMultiply)) return MultiplyMatrices(e.parts[0], e.parts[1]).value_or(e);
  if (e.Is(Op::kDivide) && IsVector(e.parts[0]) && IsArithmetic(e.parts[1])) {
    return MapCells(e.parts[0], [&](const Expression& cell) { return Node(Op::kDivide, {cell, e.parts[1]}); });
  }
  if (e.Is(Op::kAdd) && SameShape(e.parts[0], e.parts[1])) return AddCells(e.parts[0], e.parts[1]);
  return e;
}

std::optional<std::vector<Expression>> ExpandPlusMinus(const Expression& e, bool independent, Work* work) {
  const size_t count = CountSigns(e);
  if (count > 6) return std::nullopt;
  if (count == 0) return std::vector<Expression>{e};
  std::vector<Expression> all;
  const unsigned variants = independent ? 1u << count : 2u;
  for (unsigned signs = 0; signs < variants && work->Spend(16); ++signs) {
    unsigned next = 0;
    all.push_back(Choose(e, independent, signs, &next));
  }
  return all;
}

std::optional<Expression> InUnitVectors(const Expression& vector, const Expression& sum) {
  if (!IsVector(vector) || !IsArithmetic(sum)) return std::nullopt;
  std::vector<Expression> cells = vector.parts;
  if (vector.Is(Op::kMatrix)) {
    if (cells.size() == 1) cells = vector.parts[0].parts;
    else for (Expression& row : cells) row = Expression(row.parts[0]);
  }
  if (cells.size() < 2 || cells.size() > 3) return std::nullopt;
  for (const std::string prefix : {"vec:", "hat:", ""}) {
    // A plain i alone is the imaginary unit.
    const bool written = ContainsSymbol(sum, prefix + "j") || ContainsSymbol(sum, prefix + "k") || (!prefix.empty() && ContainsSymbol(sum, prefix + "i"));
    if (!written) continue;
    Expression total = Leaf(Op::kNumber, "0");
    const char* names[] = {"i", "j", "k"};
    for (size_t at = 0; at < cells.size(); ++at) {
      total = Node(Op::kAdd, {std::move(total), Node(Op::kMultiply, {cells[at], Leaf(Op::kSymbol, prefix + names[at])})});
    }
    return total;
  }
  return std::nullopt;
}

std::optional<NamedValue> AsAssignment(const Expression& e) {
  if (!e.Is(Op::kRelation)) return std::nullopt;
  const bool element = e.text == "e";
  if (!element && e.text.find_first_not_of('=') != std::string::npos) return std::nullopt;
  const Expression& left = e.parts.front();
  const Expression& right = e.parts.back();
  const auto make = [](const std::pair<std::string, bool>& name, const Expression& value) -> std::optional<NamedValue> {
    if (ContainsSymbol(value, name.first)) return std::nullopt;
    return NamedValue{name.first, value, name.second};
  };
  if (const auto name = NameOf(left)) return make(*name, right);
  if (!element && e.parts.size() == 2) {
    if (const auto name = NameOf(right); name && Variables(left).empty()) return make(*name, left);
  }
  return std::nullopt;
}

}  // namespace pith
