#include "rewards/math/compare.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rewards/math/comparer.h"
#include "rewards/math/evaluate.h"
#include "rewards/math/measure.h"
#include "rewards/math/membership.h"
#include "rewards/math/real_set.h"
#include "rewards/math/rewrite.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

// Denotes a set of numbers and nothing else (a pair may be an interval or a point).
bool IsRegion(const Expression& e) {
  switch (e.op) {
    case Op::kInterval:
    case Op::kUnion:
    case Op::kIntersection:
    case Op::kDifference: return true;
    case Op::kSymbol: return e.text == "ℝ" || e.text == "∅";
    case Op::kRelation: return IsInequality(e) || e.text == "e";
    case Op::kList: return std::any_of(e.parts.begin(), e.parts.end(), IsInequality);
    default: return false;
  }
}

// −2 ≤ f(x) ≤ 7 says of the values of f what −2 ≤ y ≤ 7 says.
bool IsValueOfFunction(const Expression& e) {
  return e.Is(Op::kFunction) && e.parts.size() == 1 && e.parts[0].Is(Op::kSymbol) && e.text.size() == 1 && e.text[0] >= 'a';
}
bool IsRangeOf(const Expression& e) { return std::any_of(e.parts.begin(), e.parts.end(), IsValueOfFunction); }
Expression WithoutFunction(Expression e) {
  for (Expression& part : e.parts) {
    if (IsValueOfFunction(part)) part = Leaf(Op::kSymbol, "y");
  }
  return e;
}

// Points that name a figure: \triangle ABC, and a bare ABC, which is read as a word.
struct Name {
  std::string figure, points;  // figure: empty for a bare name
};
std::optional<Name> AsName(const Expression& e) {
  if (!e.Is(Op::kSymbol) && !e.Is(Op::kText)) return std::nullopt;
  const size_t colon = e.Is(Op::kSymbol) ? e.text.find(':') : std::string::npos;
  Name name{colon == std::string::npos ? "" : e.text.substr(0, colon), colon == std::string::npos ? e.text : e.text.substr(colon + 1)};
  const char first = e.Is(Op::kSymbol) ? 'A' : 'a';
  const bool letters = std::all_of(name.points.begin(), name.points.end(), [&](char c) { return c >= first && c <= first + 25; });
  if (!letters || name.points.empty() || name.points.size() > 6 || (e.Is(Op::kText) && name.points.size() < 3)) return std::nullopt;
  name.points = LowerCase(name.points);
  return name;
}
// ∠ABC is ∠CBA, and no triangle.
bool SameName(const Name& g, const Name& p) {
  if (!g.figure.empty() && !p.figure.empty() && g.figure != p.figure) return false;
  return g.points == p.points || std::equal(g.points.begin(), g.points.end(), p.points.rbegin(), p.points.rend());
}

}  // namespace

bool IsInequality(const Expression& e) { return e.Is(Op::kRelation) && e.text.find_first_of("<>lgn") != std::string::npos; }
bool IsEquation(const Expression& e) { return e.Is(Op::kRelation) && e.text.find_first_not_of('=') == std::string::npos; }

bool Comparer::Same(const Expression& g, const Expression& p) {
  if (!work_->Spend(8)) return false;
  if (g == p) return true;
  if (p.Is(Op::kApproximate)) {
    if (!MayRound(p.parts[0], p.parts[1])) return false;
    return Same(g, rounded_ || !Variables(p.parts[0]).empty() ? p.parts[1] : p.parts[0]);
  }
  if (g.Is(Op::kApproximate)) return Same(g.parts[0], p) || Same(g.parts[1], p);
  if (g.Is(Op::kChoice) || p.Is(Op::kChoice)) return SameChoice(g, p);
  if (const auto x = AsName(g), y = AsName(p); x && y && (!x->figure.empty() || !y->figure.empty())) return SameName(*x, *y);
  if (g.Is(Op::kText) || p.Is(Op::kText)) return g.op == p.op && g.text == p.text;
  if (Contains(g, Op::kPlusMinus) || Contains(p, Op::kPlusMinus)) return SamePlusMinus(g, p);
  if (IsInequality(g) && IsRangeOf(g)) return Same(WithoutFunction(g), p);
  if (IsInequality(p) && IsRangeOf(p)) return Same(g, WithoutFunction(p));
  if ((IsRegion(g) || IsRegion(p)) && !(IsEquation(g) && IsEquation(p))) {
    const auto x = ToRealSet(g, work_), y = ToRealSet(p, work_);
    if (x && y) return SameSet(*x, *y);
    if (x && IsRegion(p) && IsWhereHolds(*x, p, work_)) return true;
    if (y && IsRegion(g) && IsWhereHolds(*y, g, work_)) return true;
  }
  if (g.Is(Op::kRelation) || p.Is(Op::kRelation)) return SameRelation(g, p);
  if (g.Is(Op::kList) || p.Is(Op::kList) || g.Is(Op::kSet) || p.Is(Op::kSet)) return SameCollection(g, p);
  if (const auto sum = InUnitVectors(g, p)) return SameMeasure(*sum, p, work_);
  if (const auto sum = InUnitVectors(p, g)) return SameMeasure(g, *sum, work_);
  if (g.Is(Op::kMatrix) || p.Is(Op::kMatrix)) return SameMatrix(g, p);
  if (g.Is(Op::kTuple) && p.Is(Op::kTuple)) return Pairwise(g.parts, p.parts);
  if (g.Is(Op::kInterval) && p.Is(Op::kInterval)) return g.text == p.text && Pairwise(g.parts, p.parts);
  if (g.Is(Op::kUnion) && p.Is(Op::kUnion)) return AnyOrder(Flatten(g), Flatten(p));
  const auto is_ratio = [](const Expression& e) { return e.Is(Op::kRatio) || (e.Is(Op::kQuantity) && e.parts[0].Is(Op::kRatio)); };
  if (is_ratio(g) || is_ratio(p)) return SameRatio(g, p, work_);
  if (g.Is(Op::kModulo) || p.Is(Op::kModulo)) return SameResidue(g, p);
  if (g.Is(Op::kBased) != p.Is(Op::kBased)) {
    const Expression& based = g.Is(Op::kBased) ? g : p;
    const Expression& other = g.Is(Op::kBased) ? p : g;
    if (DigitsOf(other) == based.text) return true;  // the base is read over
  }
  return SameMeasure(g, p, work_);
}

// What one unit of the last digit is worth that is written of a number: 0.01 of 3.14, 100 of 1200.
Value LastDigit(const std::string& number) {
  const size_t point = number.find('.');
  if (number.find_first_not_of("0123456789.") != std::string::npos) return nullptr;
  std::string digit = "1";
  if (point != std::string::npos) {
    digit = "0." + std::string(std::max<size_t>(number.size() - point, 2) - 2, '0') + "1";
  } else {
    digit += std::string(number.size() - std::min(number.find_last_not_of('0') + 1, number.size()), '0');
  }
  return digit.size() <= 300 ? DecimalValue(digit) : nullptr;
}

bool Comparer::MayRound(const Expression& exact, const Expression& rounded) {
  const auto is_dressed = [](const Expression& e) { return e.Is(Op::kDegree) || e.Is(Op::kPercent) || e.Is(Op::kQuantity) || (e.Is(Op::kRelation) && IsEquation(e)); };
  if (is_dressed(exact)) return MayRound(exact.parts.back(), rounded);
  if (is_dressed(rounded)) return MayRound(exact, rounded.parts.back());
  if (!IsArithmetic(exact) || !IsArithmetic(rounded)) return false;
  if (!Variables(exact).empty()) return Variables(rounded).empty();
  Arithmetic arithmetic{work_};
  const Value a = Evaluate(exact, {}, &arithmetic), b = Evaluate(rounded, {}, &arithmetic);
  if (!a || !b || !IsReal(a) || !IsReal(b)) return false;
  const Value off = arithmetic.Function("abs", {arithmetic.Subtract(a, b)});
  const Expression& digits = rounded.Is(Op::kNegate) ? rounded.parts[0] : rounded;
  Value unit = digits.Is(Op::kNumber) ? LastDigit(digits.text) : nullptr;
  if (!unit) unit = arithmetic.Multiply(FractionValue(1, 100), arithmetic.Function("abs", {a}));
  const auto order = Order(off, unit);
  return order && *order < 0;
}

bool Comparer::Pairwise(const Answers& g, const Answers& p) {
  if (g.size() != p.size()) return false;
  for (size_t i = 0; i < g.size(); ++i) {
    if (!Same(g[i], p[i])) return false;
  }
  return true;
}

bool Comparer::AnyOrder(const Answers& g, const Answers& p) {
  if (g.size() != p.size()) return false;
  std::vector<bool> taken(p.size());
  for (const Expression& member : g) {
    bool found = false;
    for (size_t i = 0; i < p.size() && !found; ++i) {
      if (taken[i] || !Same(member, p[i])) continue;
      taken[i] = found = true;
    }
    if (!found) return false;
  }
  return true;
}

Comparer::Answers Comparer::Flatten(const Expression& e) {
  if (!e.Is(Op::kUnion)) return {e};
  Answers left = Flatten(e.parts[0]), right = Flatten(e.parts[1]);
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Comparer::Answers Comparer::WithoutRepeats(const Answers& all) {
  Answers distinct;
  for (const Expression& e : all) {
    if (std::none_of(distinct.begin(), distinct.end(), [&](const Expression& d) { return Same(d, e); })) distinct.push_back(e);
  }
  return distinct;
}

bool Comparer::SameChoice(const Expression& g, const Expression& p) {
  if (g.Is(Op::kChoice) && p.Is(Op::kChoice)) return g.text == p.text;
  const Expression& choice = g.Is(Op::kChoice) ? g : p;
  const Expression& other = g.Is(Op::kChoice) ? p : g;
  if (other.Is(Op::kSymbol) && other.text.size() == 1 && other.text[0] >= 'A' && other.text[0] <= 'H') return other.text == choice.text;
  return g.Is(Op::kChoice) && Same(choice.parts[0], p);
}

std::optional<Comparer::Answers> Comparer::Expanded(const Expression& e, bool independent) {
  Answers all;
  if (e.Is(Op::kList)) {  // member by member: "±2, 2" says 2 twice, as "2, -2, 2" does
    for (const Expression& part : e.parts) {
      const auto members = Expanded(part, independent);
      if (!members) return std::nullopt;
      all.insert(all.end(), members->begin(), members->end());
    }
    return all;
  }
  const auto variants = ExpandPlusMinus(e, independent, work_);
  if (!variants) return std::nullopt;
  for (const Expression& variant : *variants) {
    if (variant.Is(Op::kSet)) all.insert(all.end(), variant.parts.begin(), variant.parts.end());
    else all.push_back(variant);
  }
  return WithoutRepeats(all);
}

bool Comparer::SamePlusMinus(const Expression& g, const Expression& p) {
  for (const bool independent : {false, true}) {
    const auto a = Expanded(g, independent), b = Expanded(p, independent);
    if (!a || !b) return false;
    if (AnyOrder(Values(Node(Op::kList, *a)), Values(Node(Op::kList, *b)))) return true;
  }
  return false;
}

bool Comparer::SameResidue(const Expression& g, const Expression& p) {
  if (!g.Is(Op::kModulo)) return Same(g, p.parts[0]);
  if (!p.Is(Op::kModulo)) return Same(g.parts[0], p);
  if (!Same(g.parts[1], p.parts[1])) return false;
  Arithmetic arithmetic{work_};
  const Value a = Evaluate(g.parts[0], {}, &arithmetic), b = Evaluate(p.parts[0], {}, &arithmetic),
              n = Evaluate(g.parts[1], {}, &arithmetic);
  if (!a || !b || !n || IsZero(n)) return Same(g.parts[0], p.parts[0]);
  return IsInteger(arithmetic.Divide(arithmetic.Subtract(a, b), n));
}

std::string Comparer::DigitsOf(const Expression& e) {
  if (e.Is(Op::kNumber) || (e.Is(Op::kSymbol) && e.text.size() == 1)) return e.text;
  return e.Is(Op::kMultiply) ? DigitsOf(e.parts[0]) + DigitsOf(e.parts[1]) : "?";
}

bool SameAnswer(const Expression& gold, const Expression& answer, bool rounded, Work* work) {
  return Comparer(work, rounded).Same(FoldMatrices(gold), FoldMatrices(answer)) && !work->exhausted();
}

}  // namespace pith
