#include "rewards/math/evaluate.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pith {
namespace {

constexpr int kRounds = 12, kEnough = 4;

// Small fractions with unusual parts, so that nothing cancels by accident. Odd rounds mix the signs.
Value Point(const std::string& name, int round, bool whole) {
  uint64_t state = 1469598103934665603ull;
  for (char c : name) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  state += static_cast<uint64_t>(round) * 0x9e3779b97f4a7c15ull;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ull;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebull;
  state ^= state >> 31;
  if (whole) return IntegerValue(static_cast<int64_t>((state >> 8) % 41) + 2);
  constexpr int64_t kDenominators[] = {7, 11, 13, 17};
  const int64_t denominator = kDenominators[state % 4];
  int64_t numerator = static_cast<int64_t>((state >> 8) % 53) + 1;
  if (numerator % denominator == 0) ++numerator;
  if (round % 2 == 1 && ((state >> 40) & 1)) numerator = -numerator;
  return FractionValue(numerator, denominator);
}

// Whether the tree means something for whole numbers only: n!, a choice of k, (−1)^n.
bool WantsWholeNumbers(const Expression& e) {
  const bool whole = e.Is(Op::kFactorial) || IsSum(e) || e.Is(Op::kFunction, "!!") || e.Is(Op::kFunction, "binom") ||
                     e.Is(Op::kFunction, "mod") || e.Is(Op::kFunction, "gcd") ||
                     e.Is(Op::kFunction, "lcm") || (e.Is(Op::kPower) && e.parts[0].Is(Op::kNegate) && Variables(e.parts[0]).empty());
  if (whole && !Variables(e).empty()) return true;
  return std::any_of(e.parts.begin(), e.parts.end(), WantsWholeNumbers);
}

// Calls see(value of a, of b, whether a sum lost a term) at points where both exist, until it returns false. Returns how many
// points there were.
template <class See>
int AtPoints(const Expression& a, const Expression& b, Work* work, const See& see) {
  std::set<std::string> names = Variables(a);
  names.merge(Variables(b));
  const bool whole = WantsWholeNumbers(a) || WantsWholeNumbers(b);
  const bool imaginary = ContainsSymbol(a, "i") || ContainsSymbol(b, "i");
  for (const bool real_only : {true, false}) {
    int seen = 0;
    for (int round = 0; round < (names.empty() ? 1 : kRounds) && seen < kEnough && !work->exhausted(); ++round) {
      Assignment point;
      for (const std::string& name : names) point[name] = Point(name, round, whole);
      Arithmetic arithmetic{work};
      const Value x = Evaluate(a, point, &arithmetic), y = Evaluate(b, point, &arithmetic);
      if (!x || !y) continue;
      if (real_only && arithmetic.left_reals && !imaginary && !names.empty()) continue;
      ++seen;
      if (!see(x, y, arithmetic.absorbed)) return seen;
    }
    if (seen > 0) return seen;
  }
  return 0;
}

Value Determinant(const Expression& matrix, const Assignment& variables, Arithmetic* arithmetic) {
  const size_t n = matrix.parts.size();
  if (n == 0 || n > 8) return nullptr;
  std::vector<std::vector<Value>> cells;
  for (const Expression& row : matrix.parts) {
    if (row.parts.size() != n) return nullptr;
    cells.emplace_back();
    for (const Expression& cell : row.parts) {
      cells.back().push_back(Evaluate(cell, variables, arithmetic));
      if (!cells.back().back()) return nullptr;
    }
  }
  Value determinant = IntegerValue(1);
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    while (pivot < n && IsZero(cells[pivot][k])) ++pivot;
    if (pivot == n) return IntegerValue(0);
    if (pivot != k) {
      std::swap(cells[pivot], cells[k]);
      determinant = arithmetic->Negate(determinant);
    }
    determinant = arithmetic->Multiply(determinant, cells[k][k]);
    for (size_t i = k + 1; i < n; ++i) {
      const Value factor = arithmetic->Divide(cells[i][k], cells[k][k]);
      for (size_t j = k; j < n; ++j) {
        cells[i][j] = arithmetic->Subtract(cells[i][j], arithmetic->Multiply(factor, cells[k][j]));
        if (!cells[i][j]) return nullptr;
      }
    }
  }
  return determinant;
}

constexpr int64_t kMaxTerms = 3000;

Value SumOrProduct(const Expression& e, const Assignment& variables, Arithmetic* arithmetic) {
  const Value first = Evaluate(e.parts[0], variables, arithmetic), last = Evaluate(e.parts[1], variables, arithmetic);
  if (!first || !last || !IsInteger(first) || !IsInteger(last)) return nullptr;
  const bool sum = e.text == "sum";
  Value total = IntegerValue(sum ? 0 : 1), at = first;
  Assignment inside = variables;
  for (int64_t terms = 0; Order(at, last).value_or(1) <= 0; ++terms) {
    if (terms == kMaxTerms || !arithmetic->work->Spend(16)) return nullptr;
    inside[e.parts[3].text] = at;
    const Value term = Evaluate(e.parts[2], inside, arithmetic);
    total = sum ? arithmetic->Add(total, term) : arithmetic->Multiply(total, term);
    if (!total) return nullptr;
    at = arithmetic->Add(at, IntegerValue(1));
  }
  return total;
}

// (2m)!! = 2^m m!, (2m + 1)!! = (2m + 1)! / (2m)!!
Value DoubleFactorial(const Value& n, Arithmetic* arithmetic) {
  if (!n || !IsInteger(n)) return nullptr;
  const Value half = arithmetic->Divide(n, IntegerValue(2));
  const bool even = IsInteger(half);
  const Value m = even ? half : arithmetic->Subtract(half, FractionValue(1, 2));
  const Value evens = arithmetic->Multiply(arithmetic->Power(IntegerValue(2), m), arithmetic->Factorial(m));
  return even ? evens : arithmetic->Divide(arithmetic->Factorial(n), evens);
}

}  // namespace

Value Evaluate(const Expression& e, const Assignment& variables, Arithmetic* arithmetic) {
  if (!arithmetic->work->Spend()) return nullptr;
  const auto part = [&](size_t i) { return Evaluate(e.parts[i], variables, arithmetic); };
  switch (e.op) {
    case Op::kNumber: return DecimalValue(e.text);
    case Op::kBased: {
      int base = 0;
      for (char c : e.parts[0].text) base = base < 100 ? base * 10 + (c - '0') : base;
      return base >= 2 && base <= 36 ? BasedValue(e.text, base) : nullptr;
    }
    case Op::kSymbol: {
      if (e.text == "π") return PiValue();
      if (e.text == "e") return EulerValue();
      if (e.text == "i") return ImaginaryValue();
      const auto found = variables.find(e.text);
      return found == variables.end() ? nullptr : found->second;
    }
    case Op::kAdd: {
      const Value left = part(0);
      return left ? arithmetic->Add(left, part(1)) : nullptr;
    }
    case Op::kMultiply: {
      const Value left = part(0);
      return left ? arithmetic->Multiply(left, part(1)) : nullptr;
    }
    case Op::kDivide: {
      const Value left = part(0);
      return left ? arithmetic->Divide(left, part(1)) : nullptr;
    }
    case Op::kPower: {
      const Value base = part(0);
      return base ? arithmetic->Power(base, part(1)) : nullptr;
    }
    case Op::kNegate: return arithmetic->Negate(part(0));
    case Op::kFactorial: return arithmetic->Factorial(part(0));
    case Op::kPercent: return arithmetic->Divide(part(0), IntegerValue(100));
    case Op::kDegree: return arithmetic->Multiply(part(0), arithmetic->Divide(PiValue(), IntegerValue(180)));
    case Op::kFunction: {
      if (e.text == "det" && e.parts.size() == 1 && e.parts[0].Is(Op::kMatrix)) return Determinant(e.parts[0], variables, arithmetic);
      if (IsSum(e)) return SumOrProduct(e, variables, arithmetic);
      if (e.text == "!!") return DoubleFactorial(part(0), arithmetic);
      std::vector<Value> arguments;
      for (size_t i = 0; i < e.parts.size(); ++i) {
        arguments.push_back(part(i));
        if (!arguments.back()) return nullptr;
      }
      return arithmetic->Function(e.text, arguments);
    }
    default: return nullptr;
  }
}

Closeness SameValue(const Expression& a, const Expression& b, Work* work) {
  if (a == b) return Closeness::kSame;
  Closeness closeness = Closeness::kUnknown;
  bool unclear = false;
  int points = 0;
  AtPoints(a, b, work, [&](const Value& x, const Value& y, bool absorbed) {
    const Closeness here = Compare(x, y);
    points += here == Closeness::kSame;
    unclear = unclear || (absorbed && here != Closeness::kDistinct);
    if (here != Closeness::kUnknown) closeness = here;
    return here != Closeness::kDistinct;
  });
  // At one point alone anything is the same: ((x+1)/(x−1))! is 2 where x is 3, and undefined nearly everywhere.
  const bool varies = !Variables(a).empty() || !Variables(b).empty();
  if (varies && points < 2 && closeness == Closeness::kSame) closeness = Closeness::kUnknown;
  if (unclear && closeness != Closeness::kDistinct) work->GiveUp();
  return work->exhausted() && closeness != Closeness::kDistinct ? Closeness::kUnknown : closeness;
}

bool Proportional(const Expression& a, const Expression& b, Work* work, bool* positive) {
  Value factor;
  bool same = true, usable = false;
  *positive = false;
  AtPoints(a, b, work, [&](const Value& x, const Value& y, bool absorbed) {
    if (absorbed) return same = false;
    Arithmetic arithmetic{work};
    if (IsZero(x) && IsZero(y)) return true;  // says nothing
    const Value ratio = IsZero(x) ? nullptr : arithmetic.Divide(x, y);
    if (!ratio) return same = false;
    if (!factor) factor = ratio;
    usable = true;
    return same = Compare(ratio, factor) == Closeness::kSame;
  });
  if (!same || work->exhausted()) return false;
  if (!usable) return a == b;
  const auto order = Order(factor, IntegerValue(0));
  *positive = order && *order > 0;
  return true;
}

}  // namespace pith
