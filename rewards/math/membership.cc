#include "rewards/math/membership.h"

#include <optional>
#include <string>
#include <vector>

#include "rewards/math/evaluate.h"

namespace pith {
namespace {

bool IsIn(const RealSet& set, const Value& x) {
  for (const RealInterval& i : set) {
    const int low = i.low ? Order(x, i.low).value_or(-1) : 1, high = i.high ? Order(x, i.high).value_or(1) : -1;
    if ((low > 0 || (low == 0 && i.low_closed)) && (high < 0 || (high == 0 && i.high_closed))) return true;
  }
  return false;
}

// Null where it cannot be said; where a side is undefined, a relation does not hold.
std::optional<bool> Holds(const Expression& e, const std::string& name, const Value& x, Work* work) {
  if (e.Is(Op::kList)) {
    const bool any = e.text == "or";
    bool result = !any;
    for (const Expression& part : e.parts) {
      const auto holds = Holds(part, name, x, work);
      if (!holds) return holds;
      result = any ? result || *holds : result && *holds;
    }
    return result;
  }
  if (!e.Is(Op::kRelation)) return std::nullopt;
  for (size_t i = 0; i < e.text.size(); ++i) {
    Arithmetic arithmetic{work};
    const Assignment at = {{name, x}};
    if (!IsArithmetic(e.parts[i]) || !IsArithmetic(e.parts[i + 1])) return std::nullopt;
    const Value left = Evaluate(e.parts[i], at, &arithmetic), right = Evaluate(e.parts[i + 1], at, &arithmetic);
    if (work->exhausted()) return std::nullopt;
    if (!left || !right || !IsReal(left) || !IsReal(right)) return false;
    const auto order = Order(left, right);
    if (!order) return std::nullopt;
    bool holds = false;
    switch (e.text[i]) {
      case '<': holds = *order < 0; break;
      case '>': holds = *order > 0; break;
      case 'l': holds = *order <= 0; break;
      case 'g': holds = *order >= 0; break;
      case 'n': holds = *order != 0; break;
      case '=': holds = *order == 0; break;
      default: return std::nullopt;
    }
    if (!holds) return false;
  }
  return true;
}

std::vector<Value> Points(const RealSet& set, Work* work) {
  Arithmetic arithmetic{work};
  std::vector<Value> bounds, points;
  for (const RealInterval& i : set) {
    if (i.low) bounds.push_back(i.low);
    if (i.high) bounds.push_back(i.high);
  }
  for (size_t i = 0; i < bounds.size(); ++i) {
    points.push_back(bounds[i]);
    for (int64_t beside : {int64_t{1000}, int64_t{1000000000}}) {
      points.push_back(arithmetic.Add(bounds[i], FractionValue(1, beside)));
      points.push_back(arithmetic.Subtract(bounds[i], FractionValue(1, beside)));
    }
    if (i > 0) points.push_back(arithmetic.Divide(arithmetic.Add(bounds[i - 1], bounds[i]), IntegerValue(2)));
  }
  for (int64_t step = -24; step <= 24; ++step) points.push_back(FractionValue(step * 5, 6));
  for (int64_t far : {100, 12345, 1000000}) {
    points.push_back(IntegerValue(far));
    points.push_back(IntegerValue(-far));
  }
  return points;
}

}  // namespace

bool IsWhereHolds(const RealSet& set, const Expression& condition, Work* work) {
  const std::set<std::string> names = Variables(condition);
  if (names.size() != 1) return false;
  for (const Value& x : Points(set, work)) {
    if (!x || !work->Spend(4)) return false;
    const auto holds = Holds(condition, *names.begin(), x, work);
    if (!holds || *holds != IsIn(set, x)) return false;
  }
  return true;
}

}  // namespace pith
