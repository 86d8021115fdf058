#include "rewards/math/compare.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rewards/math/evaluate.h"
#include "rewards/math/measure.h"
#include "rewards/math/membership.h"
#include "rewards/math/real_set.h"
#include "rewards/math/rewrite.h"

namespace pith {
namespace {

using Answers = std::vector<Expression>;

bool IsInequality(const Expression& e) { return e.Is(Op::kRelation) && e.text.find_first_of("<>lgn") != std::string::npos; }
bool IsEquation(const Expression& e) { return e.Is(Op::kRelation) && e.text.find_first_not_of('=') == std::string::npos; }
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

class Comparer {
 public:
  explicit Comparer(Work* work) : work_(work) {}

  bool Same(const Expression& g, const Expression& p) {
    if (!work_->Spend(8)) return false;
    if (g == p) return true;
    if (p.Is(Op::kApproximate)) return Same(g, p.parts[0]) || Same(g, p.parts[1]);
    if (g.Is(Op::kApproximate)) return Same(g.parts[0], p) || Same(g.parts[1], p);
    if (g.Is(Op::kChoice) || p.Is(Op::kChoice)) return SameChoice(g, p);
    if (g.Is(Op::kText) || p.Is(Op::kText)) return g.op == p.op && g.text == p.text;
    if (Contains(g, Op::kPlusMinus) || Contains(p, Op::kPlusMinus)) return SamePlusMinus(g, p);
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
    if (g.Is(Op::kRatio) || p.Is(Op::kRatio)) return SameRatio(g, p, work_);
    if (g.Is(Op::kModulo) || p.Is(Op::kModulo)) return SameResidue(g, p);
    if (g.Is(Op::kBased) != p.Is(Op::kBased)) {
      const Expression& based = g.Is(Op::kBased) ? g : p;
      const Expression& other = g.Is(Op::kBased) ? p : g;
      if (DigitsOf(other) == based.text) return true;  // the base is read over
    }
    return SameMeasure(g, p, work_);
  }

 private:
  // "2A" is read as a product.
  static std::string DigitsOf(const Expression& e) {
    if (e.Is(Op::kNumber) || (e.Is(Op::kSymbol) && e.text.size() == 1)) return e.text;
    return e.Is(Op::kMultiply) ? DigitsOf(e.parts[0]) + DigitsOf(e.parts[1]) : "?";
  }

  bool Pairwise(const Answers& g, const Answers& p) {
    if (g.size() != p.size()) return false;
    for (size_t i = 0; i < g.size(); ++i) {
      if (!Same(g[i], p[i])) return false;
    }
    return true;
  }

  // A matching of all members. Sameness is as good as transitive, so that the first fit will do.
  bool AnyOrder(const Answers& g, const Answers& p) {
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

  static Answers Flatten(const Expression& e) {
    if (!e.Is(Op::kUnion)) return {e};
    Answers left = Flatten(e.parts[0]), right = Flatten(e.parts[1]);
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }

  Answers WithoutRepeats(const Answers& all) {
    Answers distinct;
    for (const Expression& e : all) {
      if (std::none_of(distinct.begin(), distinct.end(), [&](const Expression& d) { return Same(d, e); })) distinct.push_back(e);
    }
    return distinct;
  }

  bool SameChoice(const Expression& g, const Expression& p) {
    if (g.Is(Op::kChoice) && p.Is(Op::kChoice)) return g.text == p.text;
    const Expression& choice = g.Is(Op::kChoice) ? g : p;
    const Expression& other = g.Is(Op::kChoice) ? p : g;
    if (other.Is(Op::kSymbol) && other.text.size() == 1 && other.text[0] >= 'A' && other.text[0] <= 'H') return other.text == choice.text;
    return g.Is(Op::kChoice) ? Same(choice.parts[0], p) : Same(g, choice.parts[0]);
  }

  bool SamePlusMinus(const Expression& g, const Expression& p) {
    for (const bool independent : {false, true}) {
      const auto x = ExpandPlusMinus(g, independent, work_), y = ExpandPlusMinus(p, independent, work_);
      if (!x || !y) return false;
      const auto members = [](const Answers& all) {
        Answers flat;
        for (const Expression& e : all) {
          if (e.Is(Op::kList) || e.Is(Op::kSet)) flat.insert(flat.end(), e.parts.begin(), e.parts.end());
          else flat.push_back(e);
        }
        return Node(Op::kList, std::move(flat));
      };
      // Expanding a list repeats the members without ±.
      const Answers a = WithoutRepeats(Values(members(*x))), b = WithoutRepeats(Values(members(*y)));
      if (AnyOrder(a, b)) return true;
    }
    return false;
  }

  // "x = 1 or x = 2" and "x = 1, 2" are 1 and 2. Different names stay, with their values.
  Answers Values(const Expression& collection) {
    std::string name;
    bool one_name = true;
    for (const Expression& part : collection.parts) {
      const auto assignment = AsAssignment(part);
      if (!assignment) continue;
      if (name.empty()) name = assignment->name;
      one_name = one_name && assignment->name == name;
    }
    if (name.empty() || !one_name) return collection.parts;
    Answers values;
    for (const Expression& part : collection.parts) {
      const auto assignment = AsAssignment(part);
      Expression value = assignment ? assignment->value : part;
      if (value.Is(Op::kSet) || value.Is(Op::kList)) values.insert(values.end(), value.parts.begin(), value.parts.end());
      else values.push_back(std::move(value));
    }
    return values;
  }

  // "y = 2, x = 1" is (1, 2). Nothing unless all members are named, and differently.
  static std::optional<Answers> ByName(const Expression& collection) {
    std::map<std::string, Expression> sorted;
    for (const Expression& part : collection.parts) {
      const auto assignment = AsAssignment(part);
      if (!assignment || !sorted.emplace(assignment->name, assignment->value).second) return std::nullopt;
    }
    Answers values;
    for (auto& [name, value] : sorted) values.push_back(value);
    return values;
  }

  bool SameCollection(const Expression& g, const Expression& p) {
    const bool g_many = g.Is(Op::kList) || g.Is(Op::kSet), p_many = p.Is(Op::kList) || p.Is(Op::kSet);
    if (g_many && p_many) {
      const auto g_named = ByName(g), p_named = ByName(p);
      if (g_named && !p_named) return AnyOrder(*g_named, Values(p));
      if (p_named && !g_named) return AnyOrder(Values(g), *p_named);
      Answers x = Values(g), y = Values(p);
      if (g.Is(Op::kSet) || p.Is(Op::kSet)) {
        x = WithoutRepeats(x);
        y = WithoutRepeats(y);
      }
      return AnyOrder(x, y);
    }
    const Expression& many = g_many ? g : p;
    const Expression& other = g_many ? p : g;
    if (many.parts.size() == 1 || (many.Is(Op::kSet) && WithoutRepeats(many.parts).size() == 1)) {
      return g_many ? Same(many.parts[0], other) : Same(other, many.parts[0]);
    }
    if (!other.Is(Op::kTuple) || many.Is(Op::kSet)) return false;
    if (const auto named = ByName(many)) return g_many ? Pairwise(*named, other.parts) : Pairwise(other.parts, *named);
    return g_many ? AnyOrder(many.parts, other.parts) : Pairwise(other.parts, many.parts);
  }

  bool SameRelation(const Expression& g, const Expression& p) {
    if (g.Is(Op::kRelation) && p.Is(Op::kRelation)) {
      const auto x = AsAssignment(g), y = AsAssignment(p);
      if (x && y) {
        if (x->name == y->name || (x->is_function && y->is_function)) return Same(x->value, y->value);
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
    } else if (IsEquation(relation)) {
      // "a + b = 12" gives 12; "x² + 1 = 0" does not give 0; and where "x² + y² = 25" is asked for, 25 will not do.
      const Expression& right = relation.parts.back();
      const bool asked = g.Is(Op::kRelation) && (Contains(relation.parts[0], Op::kAdd) || Contains(relation.parts[0], Op::kPower));
      const bool constant = Variables(right).empty() && !asked;
      const bool identity = Variables(relation).empty();
      if (identity || (constant && !right.Is(Op::kNumber, "0"))) value = right;
    }
    if (!value) return false;
    return g.Is(Op::kRelation) ? Same(*value, other) : Same(other, *value);
  }

  static Expression Difference(const Expression& relation) {
    return Node(Op::kAdd, {relation.parts.front(), Node(Op::kNegate, {relation.parts.back()})});
  }

  bool SameEquation(const Expression& g, const Expression& p) {
    if (g.parts.size() != p.parts.size()) return false;
    if (g.parts.size() > 2) return SameChain(g, p);
    if (Pairwise(g.parts, p.parts)) return true;
    const Expression a = Difference(g), b = Difference(p);
    bool positive = false;
    return IsArithmetic(a) && IsArithmetic(b) && Variables(a) == Variables(b) && Proportional(a, b, work_, &positive);
  }

  static char Mirror(char sign) {
    const std::string_view from = "<>lg", to = "><gl";
    const size_t at = from.find(sign);
    return at == std::string_view::npos ? sign : to[at];
  }

  bool SameChain(const Expression& g, Expression p) {
    if (g.text == p.text && Pairwise(g.parts, p.parts)) return true;
    std::reverse(p.parts.begin(), p.parts.end());
    std::reverse(p.text.begin(), p.text.end());
    for (char& sign : p.text) sign = Mirror(sign);
    return g.text == p.text && p.text.find('e') == std::string::npos && Pairwise(g.parts, p.parts);
  }

  bool SameInequality(const Expression& g, const Expression& p) {
    if (g.text.size() != 1 || p.text.size() != 1) return false;
    const Expression a = Difference(g), b = Difference(p);
    bool positive = false;
    if (!IsArithmetic(a) || !IsArithmetic(b) || !Proportional(a, b, work_, &positive)) return false;
    if (g.text == "n" || g.text == "=") return g.text == p.text;
    return g.text[0] == (positive ? p.text[0] : Mirror(p.text[0]));
  }

  // Rows of a matrix, of a list of lists, or of one column.
  static std::vector<Answers> Rows(const Expression& e) {
    std::vector<Answers> rows;
    for (const Expression& part : e.parts) {
      if (part.Is(Op::kTuple) || part.Is(Op::kInterval)) rows.push_back(part.parts);
      else rows.push_back({part});
    }
    return rows;
  }

  bool SameMatrix(const Expression& g, const Expression& p) {
    const Expression& matrix = g.Is(Op::kMatrix) ? g : p;
    const Expression& other = g.Is(Op::kMatrix) ? p : g;
    std::vector<Answers> x = Rows(g), y = Rows(p);
    if (!other.Is(Op::kMatrix)) {
      if (!other.Is(Op::kTuple) && !other.Is(Op::kInterval)) {
        return matrix.parts.size() == 1 && matrix.parts[0].parts.size() == 1 &&
               (g.Is(Op::kMatrix) ? Same(matrix.parts[0].parts[0], other) : Same(other, matrix.parts[0].parts[0]));
      }
      // One row as a tuple.
      if (matrix.parts.size() == 1) {
        const Answers& row = matrix.parts[0].parts;
        return g.Is(Op::kMatrix) ? Pairwise(row, other.parts) : Pairwise(other.parts, row);
      }
    }
    if (x.size() != y.size()) return false;
    for (size_t i = 0; i < x.size(); ++i) {
      if (!Pairwise(x[i], y[i])) return false;
    }
    return true;
  }

  bool SameResidue(const Expression& g, const Expression& p) {
    if (!g.Is(Op::kModulo)) return Same(g, p.parts[0]);
    if (!p.Is(Op::kModulo)) return Same(g.parts[0], p);
    if (!Same(g.parts[1], p.parts[1])) return false;
    Arithmetic arithmetic{work_};
    const Value a = Evaluate(g.parts[0], {}, &arithmetic), b = Evaluate(p.parts[0], {}, &arithmetic),
                n = Evaluate(g.parts[1], {}, &arithmetic);
    if (!a || !b || !n || IsZero(n)) return Same(g.parts[0], p.parts[0]);
    return IsInteger(arithmetic.Divide(arithmetic.Subtract(a, b), n));
  }

  Work* work_;
};

}  // namespace

bool SameAnswer(const Expression& gold, const Expression& answer, Work* work) {
  return Comparer(work).Same(FoldMatrices(gold), FoldMatrices(answer)) && !work->exhausted();
}

}  // namespace pith
