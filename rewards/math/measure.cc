#include "rewards/math/measure.h"

#include <algorithm>
#include <optional>
#include <string>

#include "rewards/math/evaluate.h"
#include "rewards/math/value.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

struct Measure {
  const Expression* value;
  std::string unit;
  bool percent = false;
};

Measure Take(const Expression& e) {
  Measure measure{&e, "", false};
  for (;;) {
    const Expression& top = *measure.value;
    if (top.Is(Op::kQuantity)) {
      measure.unit = top.text;
    } else if (top.Is(Op::kPercent)) {
      measure.percent = true;
    } else if (top.Is(Op::kDegree)) {
      measure.unit = "°";
    } else {
      return measure;
    }
    measure.value = &top.parts[0];
  }
}

bool Same(const Expression& a, const Expression& b, Work* work) { return SameValue(a, b, work) == Closeness::kSame; }

Expression Number(int64_t value) { return Leaf(Op::kNumber, std::to_string(value)); }
Expression Hundredth(const Expression& e) { return Node(Op::kDivide, {e, Number(100)}); }

bool SamePercent(const Measure& g, const Measure& p, Work* work) {
  if (g.percent == p.percent) return Same(*g.value, *p.value, work);
  if (g.percent) return Same(*g.value, *p.value, work) || Same(Hundredth(*g.value), *p.value, work);
  Arithmetic arithmetic{work};
  const Value gold = Evaluate(*g.value, {}, &arithmetic);
  if (gold && IsReal(gold)) {
    if (Same(*g.value, Hundredth(*p.value), work)) return true;
    const auto size = Order(arithmetic.Function("abs", {gold}), IntegerValue(1));
    if (size && *size < 0 && !IsZero(gold)) return false;
  }
  return Same(*g.value, *p.value, work);
}

// π, arctan 2
bool IsInRadians(const Expression& e) {
  return e.Is(Op::kSymbol, "π") || (e.Is(Op::kFunction) && e.text.starts_with("arc")) || std::any_of(e.parts.begin(), e.parts.end(), IsInRadians);
}

// 2 hours 30 minutes in minutes; see Grammar::Compound.
std::optional<Expression> InSmallerUnit(const Expression& e) {
  if (!e.Is(Op::kAdd) || e.text != "compound") return std::nullopt;
  return Node(Op::kDivide, {e, e.parts[1].parts[1]});
}

Expression Scaled(const Expression& e, const KnownUnit& unit) {
  return Node(Op::kDivide, {Node(Op::kMultiply, {e, Number(unit.numerator)}), Number(unit.denominator)});
}

// A unit of one letter, perhaps squared, as a variable.
std::optional<Expression> AsProduct(const Measure& measure) {
  const std::string& unit = measure.unit;
  if (unit.empty() || unit[0] < 'a' || unit[0] > 'z' || (unit.size() != 1 && (unit.size() != 3 || unit[1] != '^'))) return std::nullopt;
  Expression letter = Leaf(Op::kSymbol, unit.substr(0, 1));
  if (unit.size() == 3) letter = Node(Op::kPower, {std::move(letter), Leaf(Op::kNumber, unit.substr(2))});
  return Node(Op::kMultiply, {*measure.value, std::move(letter)});
}

std::optional<int64_t> ClockPart(const Expression& e) {
  if (!e.Is(Op::kNumber) || e.text.size() > 2 || e.text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoll(e.text);
}

// Minutes since midnight; for a time without a.m. and p.m. as it stands.
std::optional<int64_t> Minutes(const Expression& e) {
  if (e.parts.size() != 2) return std::nullopt;
  const auto hours = ClockPart(e.parts[0]), minutes = ClockPart(e.parts[1]);
  if (!hours || !minutes || e.parts[1].text.size() != 2 || *minutes > 59 || *hours > 24) return std::nullopt;
  int64_t hour = *hours;
  if (!e.text.empty()) {
    if (hour == 12) hour = 0;
    if (e.text == "pm" && hour < 12) hour += 12;
  }
  return hour * 60 + *minutes;
}

}  // namespace

bool SameMeasure(const Expression& gold, const Expression& answer, Work* work) {
  const Measure g = Take(gold), p = Take(answer);
  if (!IsArithmetic(*g.value) || !IsArithmetic(*p.value)) return false;
  const auto g_unit = FindUnit(g.unit), p_unit = FindUnit(p.unit);
  if ((g.percent && p_unit) || (p.percent && g_unit)) return false;  // \$5 is not 5%
  // Square units are square inches, but no cubic ones.
  const auto is_any = [](const KnownUnit& unit) { return unit.kind.starts_with("unit"); };
  const bool any = g_unit && p_unit && is_any(*g_unit) != is_any(*p_unit);
  const auto dimension = [](const KnownUnit& unit) { return unit.kind.ends_with("^3") ? 3 : unit.kind.ends_with("^2") ? 2 : 1; };
  if (any && dimension(*g_unit) != dimension(*p_unit)) return false;
  if (g_unit && p_unit && !any && g_unit->kind != p_unit->kind) {
    const bool angles = (g_unit->kind == "angle" && p_unit->kind == "radian") || (g_unit->kind == "radian" && p_unit->kind == "angle");
    if (angles) {
      const auto radians = [](const Measure& m, const KnownUnit& unit) {
        return unit.kind == "angle" ? Node(Op::kDegree, {*m.value}) : *m.value;
      };
      return Same(radians(g, *g_unit), radians(p, *p_unit), work);
    }
    // "5 pounds" may be money.
    const bool pounds = (g_unit->kind == "mass" && p_unit->kind == "gbp") || (g_unit->kind == "gbp" && p_unit->kind == "mass");
    if (!pounds) return false;
  } else if (g_unit && p_unit && !any && (g_unit->numerator != p_unit->numerator || g_unit->denominator != p_unit->denominator)) {
    return g.percent == p.percent && Same(Scaled(*g.value, *g_unit), Scaled(*p.value, *p_unit), work);
  }
  if (SamePercent(g, p, work)) return true;
  // A bare number is in either of the units of 2 hours 30 minutes.
  if (const auto smaller = InSmallerUnit(*p.value); smaller && g.unit.empty()) return Same(*g.value, *smaller, work);
  if (const auto smaller = InSmallerUnit(*g.value); smaller && p.unit.empty()) return Same(*smaller, *p.value, work);
  // 0.75 where 75 cents are said: money without a sign is in the larger unit as well.
  if (p_unit && g.unit.empty() && p_unit->kind == "usd" && p_unit->numerator == 1 && Same(*g.value, Hundredth(*p.value), work)) return true;
  // "5 m" may be 5·m, if the other side says so.
  if (const auto product = AsProduct(g); product && ContainsSymbol(*p.value, g.unit.substr(0, 1))) return Same(*product, *p.value, work);
  if (const auto product = AsProduct(p); product && ContainsSymbol(*g.value, p.unit.substr(0, 1))) return Same(*g.value, *product, work);
  // 90° in radians, where the other side says so by its π.
  if (g.unit == "°" && p.unit.empty() && IsInRadians(*p.value)) return Same(Node(Op::kDegree, {*g.value}), *p.value, work);
  if (p.unit == "°" && g.unit.empty() && IsInRadians(*g.value)) return Same(*g.value, Node(Op::kDegree, {*p.value}), work);
  return false;
}

bool SameRatio(const Expression& g, const Expression& p, Work* work) {
  if (g.Is(Op::kQuantity) || p.Is(Op::kQuantity)) {
    const Expression& x = g.Is(Op::kQuantity) ? g.parts[0] : g;
    const Expression& y = p.Is(Op::kQuantity) ? p.parts[0] : p;
    if (x.Is(Op::kRatio) != y.Is(Op::kRatio) && !(x.Is(Op::kRatio) ? x : y).text.empty()) return false;  // 12 p.m. is no $12
    // 1:15 hours are 1.25 hours.
    const Expression& clock = x.Is(Op::kRatio) ? x : y;
    const std::string& unit = x.Is(Op::kRatio) ? g.text : p.text;
    const auto known = FindUnit(unit);
    if (x.Is(Op::kRatio) != y.Is(Op::kRatio) && known && known->kind == "time" && Minutes(clock)) {
      const Expression lasts = Node(Op::kQuantity, {Node(Op::kAdd, {clock.parts[0], Node(Op::kDivide, {clock.parts[1], Leaf(Op::kNumber, "60")})})}, unit);
      return x.Is(Op::kRatio) ? SameMeasure(lasts, p, work) : SameMeasure(g, lasts, work);
    }
    return SameRatio(x, y, work);
  }
  if (!g.Is(Op::kRatio) || !p.Is(Op::kRatio)) {
    const Expression& ratio = g.Is(Op::kRatio) ? g : p;
    const Expression& other = g.Is(Op::kRatio) ? p : g;
    if (!ratio.text.empty()) {  // 5 p.m. is met by a bare 5, but 12 may be noon or midnight; a bare 5 is not met by 5 p.m.
      return g.Is(Op::kRatio) && !ratio.parts[0].Is(Op::kNumber, "12") && ratio.parts.size() == 2 && ratio.parts[1].Is(Op::kNumber, "00") && IsArithmetic(other) && Same(ratio.parts[0], other, work);
    }
    if (ratio.parts.size() != 2) return false;
    const Expression quotient = Node(Op::kDivide, ratio.parts);
    return IsArithmetic(other) && IsArithmetic(quotient) && Same(quotient, other, work);
  }
  const auto g_minutes = Minutes(g), p_minutes = Minutes(p);
  if (g_minutes && p_minutes) {
    if (g.text.empty() == p.text.empty()) return *g_minutes == *p_minutes;
    // 17:00 and 5:00 are both 5 p.m.; 5:00 is 5 a.m. as well, but 17:00 is not.
    const int64_t bare = g.text.empty() ? *g_minutes : *p_minutes;
    return *g_minutes == *p_minutes || (bare < 13 * 60 && *g_minutes % 720 == *p_minutes % 720);
  }
  if (!g.text.empty() || !p.text.empty() || g.parts.size() != p.parts.size()) return false;
  const bool clock = g_minutes || p_minutes;
  for (size_t i = 0; i < g.parts.size(); ++i) {
    if (!IsArithmetic(g.parts[i]) || !IsArithmetic(p.parts[i])) return false;
    // a : b = c : d as a·d = c·b; the parts of a time as they stand.
    const bool same = clock ? Same(g.parts[i], p.parts[i], work)
                            : Same(Node(Op::kMultiply, {g.parts[i], p.parts[0]}), Node(Op::kMultiply, {p.parts[i], g.parts[0]}), work);
    if (!same) return false;
  }
  return true;
}

}  // namespace pith
