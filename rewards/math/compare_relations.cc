#include <algorithm>
#include <string_view>
#include <utility>

#include "rewards/math/comparer.h"
#include "rewards/math/evaluate.h"
#include "rewards/math/rewrite.h"

namespace pith {

namespace {

// The value of f(t) = … in terms of the x of f(x) = …; nothing where x is another name there.
std::optional<Expression> InArgumentOf(const Expression& g, const Expression& p, Expression value) {
  const Expression& x = g.parts.front();
  const Expression& t = p.parts.front();
  const auto has_argument = [](const Expression& e) { return e.Is(Op::kFunction) && e.parts.size() == 1 && e.parts[0].Is(Op::kSymbol); };
  if (!has_argument(x) || !has_argument(t)) return value;
  const std::string from = t.parts[0].text, to = x.parts[0].text;
  if (from == to || IsConstantSymbol(from)) return value;
  if (ContainsSymbol(value, to)) return std::nullopt;
  Rename(from, to, &value);
  return value;
}

// m + n, AB + BC: something to be found, and no equation of a line.
bool IsSumOfNames(const Expression& e) {
  if (e.Is(Op::kAdd)) return IsSumOfNames(e.parts[0]) && IsSumOfNames(e.parts[1]);
  if (e.Is(Op::kMultiply)) return std::all_of(e.parts.begin(), e.parts.end(), [](const Expression& p) { return p.Is(Op::kSymbol) && p.text[0] >= 'A' && p.text[0] <= 'Z'; });
  return e.Is(Op::kSymbol) && e.text != "x" && e.text != "y" && e.text != "z";
}

}  // namespace

bool Comparer::SameRelation(const Expression& g, const Expression& p) {
  if (IsEquation(p) && !IsConsistent(p)) return false;
  if (g.Is(Op::kRelation) && p.Is(Op::kRelation)) {
    const auto x = AsAssignment(g), y = AsAssignment(p);
    if (x && y) {
      if (x->name == y->name || (x->is_function && y->is_function)) {
        const auto value = InArgumentOf(g, p, y->value);
        return value && Same(x->value, *value);
      }
      return IsEquation(g) && IsEquation(p) && SameEquation(g, p);
    }
    if (IsEquation(g) && IsEquation(p)) return SameEquation(g, p);
    return SameChain(g, p) || SameInequality(g, p);
  }
  const Expression& relation = g.Is(Op::kRelation) ? g : p;
  const Expression& other = g.Is(Op::kRelation) ? p : g;
  std::optional<Expression> value;
  if (const auto assignment = AsAssignment(relation)) {
    value = assignment->value;
  } else if (relation.text == "e" && relation.parts[0].Is(Op::kTuple)) {  // (x, y) ∈ {…}
    value = relation.parts[1];
  } else if (IsEquation(relation)) {
    // "f(3) = 12", "2l = 12" and "m + n = 12" give 12; "x² + 1 = 0" does not give 0; and "x² + y² = 25" is an equation, and not 25.
    const Expression& right = relation.parts.back();
    const Expression& left = relation.parts[0];
    const auto has_vector = [](const Expression& e) { return Contains(e, Op::kMatrix) || Contains(e, Op::kTuple); };
    const bool vectors = has_vector(left) && !has_vector(right);  // say nothing of a number
    const bool asked = (Contains(left, Op::kAdd) && !IsSumOfNames(left)) || Contains(left, Op::kPower) || vectors;
    const bool constant = Variables(right).empty() && !asked;
    const bool numbers = Variables(relation).empty();
    const bool value_of = relation.parts[0].Is(Op::kFunction) && relation.parts[0].text.size() == 1 && !g.Is(Op::kRelation);  // f(x + 1) = …
    if (numbers || value_of || (constant && !right.Is(Op::kNumber, "0")) || IsIdentity(relation)) value = right;
  }
  if (!value) return false;
  return g.Is(Op::kRelation) ? Same(*value, other) : Same(other, *value);
}

// "(x+1)(x+1) = x^2 + 2x + 1": one expression in several forms.
bool Comparer::IsIdentity(const Expression& equation) {
  return std::all_of(equation.parts.begin(), equation.parts.end(),
                     [&](const Expression& e) { return IsArithmetic(e) && Same(equation.parts[0], e); });
}

bool Comparer::IsConsistent(const Expression& equation) {
  const Expression* constant = nullptr;
  for (const Expression& part : equation.parts) {
    if (!Variables(part).empty()) continue;
    Arithmetic arithmetic{work_};
    if (part.Is(Op::kFunction) && part.text.size() == 1) continue;  // f(3)
    if (IsArithmetic(part) && !Evaluate(part, {}, &arithmetic)) continue;
    if (constant != nullptr && !Same(*constant, part) && !Same(part, *constant)) return false;
    constant = &part;
  }
  return true;
}

Expression Comparer::Difference(const Expression& relation) {
  return Node(Op::kAdd, {relation.parts.front(), Node(Op::kNegate, {relation.parts.back()})});
}

bool Comparer::SameEquation(const Expression& g, const Expression& p) {
  if (g.parts.size() != p.parts.size()) return false;
  if (g.parts.size() > 2) return SameChain(g, p);
  if (Pairwise(g.parts, p.parts)) return true;
  const Expression a = Difference(g), b = Difference(p);
  bool positive = false;
  return IsArithmetic(a) && IsArithmetic(b) && Variables(a) == Variables(b) && Proportional(a, b, work_, &positive);
}

char Comparer::Mirror(char sign) {
  const std::string_view from = "<>lg", to = "><gl";
  const size_t at = from.find(sign);
  return at == std::string_view::npos ? sign : to[at];
}

bool Comparer::SameChain(const Expression& g, Expression p) {
  if (g.text == p.text && Pairwise(g.parts, p.parts)) return true;
  std::reverse(p.parts.begin(), p.parts.end());
  std::reverse(p.text.begin(), p.text.end());
  for (char& sign : p.text) sign = Mirror(sign);
  return g.text == p.text && p.text.find('e') == std::string::npos && Pairwise(g.parts, p.parts);
}

bool Comparer::SameInequality(const Expression& g, const Expression& p) {
  if (g.text.size() != 1 || p.text.size() != 1) return false;
  const Expression a = Difference(g), b = Difference(p);
  bool positive = false;
  if (!IsArithmetic(a) || !IsArithmetic(b) || !Proportional(a, b, work_, &positive)) return false;
  if (g.text == "n" || g.text == "=") return g.text == p.text;
  return g.text[0] == (positive ? p.text[0] : Mirror(p.text[0]));
}

}  // namespace pith
