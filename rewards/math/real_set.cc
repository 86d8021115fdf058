#include "rewards/math/real_set.h"

#include <algorithm>
#include <string>

#include "rewards/math/evaluate.h"

namespace pith {
namespace {

// A place on the line: just before, at, or just behind a number; the ends of the line are null.
struct Cut {
  Value at;      // null: an end of the line
  bool behind;   // the cut lies behind the number, which so belongs to what comes before
  bool low_end;  // for a null `at`: −∞, else ∞
};

Cut LowCut(const RealInterval& i) { return {i.low, !i.low_closed, true}; }
Cut HighCut(const RealInterval& i) { return {i.high, i.high_closed, false}; }

int CompareCuts(const Cut& a, const Cut& b) {
  if (!a.at || !b.at) {
    const int x = a.at ? 0 : a.low_end ? -1 : 1, y = b.at ? 0 : b.low_end ? -1 : 1;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const int order = Order(a.at, b.at).value_or(0);
  if (order != 0) return order;
  return a.behind == b.behind ? 0 : a.behind ? 1 : -1;
}

RealInterval FromCuts(const Cut& low, const Cut& high) { return {low.at, high.at, low.at && !low.behind, high.at && high.behind}; }

RealSet Normalise(RealSet set) {
  std::erase_if(set, [](const RealInterval& i) { return CompareCuts(LowCut(i), HighCut(i)) >= 0; });
  std::sort(set.begin(), set.end(), [](const auto& a, const auto& b) { return CompareCuts(LowCut(a), LowCut(b)) < 0; });
  RealSet joined;
  for (const RealInterval& next : set) {
    if (!joined.empty() && CompareCuts(LowCut(next), HighCut(joined.back())) <= 0) {
      if (CompareCuts(HighCut(next), HighCut(joined.back())) > 0) {
        joined.back().high = next.high;
        joined.back().high_closed = next.high_closed;
      }
    } else {
      joined.push_back(next);
    }
  }
  return joined;
}

RealSet Join(RealSet a, const RealSet& b) {
  a.insert(a.end(), b.begin(), b.end());
  return Normalise(std::move(a));
}

RealSet Complement(const RealSet& set) {
  RealSet rest;
  Cut low{nullptr, false, true};
  for (const RealInterval& i : set) {
    if (CompareCuts(low, LowCut(i)) < 0) rest.push_back(FromCuts(low, LowCut(i)));
    low = HighCut(i);
  }
  const Cut end{nullptr, false, false};
  if (CompareCuts(low, end) < 0) rest.push_back(FromCuts(low, end));
  return rest;
}

RealSet Meet(const RealSet& a, const RealSet& b) { return Complement(Join(Complement(a), Complement(b))); }

struct Bound {
  Value value;  // null: unbounded
  int infinite = 0;  // −1, 1
};

std::optional<Bound> ToBound(const Expression& e, Work* work) {
  if (e.Is(Op::kSymbol, "∞")) return Bound{nullptr, 1};
  if (e.Is(Op::kNegate) && e.parts[0].Is(Op::kSymbol, "∞")) return Bound{nullptr, -1};
  if (!IsArithmetic(e) || !Variables(e).empty() || ContainsSymbol(e, "∞")) return std::nullopt;
  Arithmetic arithmetic{work};
  Value value = Evaluate(e, {}, &arithmetic);
  if (!value || !IsReal(value)) return std::nullopt;
  return Bound{value, 0};
}

// {x : x sign bound}
std::optional<RealSet> Ray(const Bound& bound, char sign) {
  const bool closed = sign == 'l' || sign == 'g' || sign == '=';
  const bool less = sign == '<' || sign == 'l';
  if (bound.infinite != 0) {
    if (sign == '=' || sign == 'n') return std::nullopt;
    return (bound.infinite > 0) == less ? RealSet{{}} : RealSet{};
  }
  if (sign == '=') return RealSet{{bound.value, bound.value, true, true}};
  if (sign == 'n') return Complement(RealSet{{bound.value, bound.value, true, true}});
  return RealSet{{less ? nullptr : bound.value, less ? bound.value : nullptr, !less && closed, less && closed}};
}

char Mirror(char sign) {
  switch (sign) {
    case '<': return '>';
    case '>': return '<';
    case 'l': return 'g';
    case 'g': return 'l';
    default: return sign;
  }
}

// One link of a chain: a sign b, linear in one variable.
std::optional<RealSet> FromLink(const Expression& a, char sign, const Expression& b, Work* work) {
  if (a.Is(Op::kSymbol) && !IsConstantSymbol(a.text)) {
    if (const auto bound = ToBound(b, work)) return Ray(*bound, sign);
  }
  if (b.Is(Op::kSymbol) && !IsConstantSymbol(b.text)) {
    if (const auto bound = ToBound(a, work)) return Ray(*bound, Mirror(sign));
  }
  if (!IsArithmetic(a) || !IsArithmetic(b)) return std::nullopt;
  const Expression f = Node(Op::kAdd, {a, Node(Op::kNegate, {b})});
  const std::set<std::string> names = Variables(f);
  if (names.size() != 1 || ContainsSymbol(f, "∞")) return std::nullopt;
  Arithmetic arithmetic{work};
  std::vector<Value> at;
  for (int64_t x : {0, 1, 2, 7, -5}) {
    at.push_back(Evaluate(f, {{*names.begin(), IntegerValue(x)}}, &arithmetic));
    if (!at.back() || !IsReal(at.back())) return std::nullopt;
  }
  const Value slope = arithmetic.Subtract(at[1], at[0]);
  const auto expected = [&](int64_t x) { return arithmetic.Add(at[0], arithmetic.Multiply(slope, IntegerValue(x))); };
  if (IsZero(slope) || Compare(expected(2), at[2]) != Closeness::kSame || Compare(expected(7), at[3]) != Closeness::kSame ||
      Compare(expected(-5), at[4]) != Closeness::kSame) {
    return std::nullopt;
  }
  const Bound root{arithmetic.Negate(arithmetic.Divide(at[0], slope)), 0};
  if (!root.value) return std::nullopt;
  return Ray(root, *Order(slope, IntegerValue(0)) > 0 ? sign : Mirror(sign));
}

std::optional<RealSet> FromRelation(const Expression& e, Work* work) {
  if (e.text == "e") return ToRealSet(e.parts[1], work);
  if (Variables(e).size() != 1) return std::nullopt;
  std::optional<RealSet> set;
  for (size_t i = 0; i < e.text.size(); ++i) {
    if (e.text[i] == 'e') {  // x ∈ ℝ, …
      continue;
    }
    const auto link = FromLink(e.parts[i], e.text[i], e.parts[i + 1], work);
    if (!link) return std::nullopt;
    set = set ? Meet(*set, *link) : *link;
  }
  return set;
}

}  // namespace

std::optional<RealSet> ToRealSet(const Expression& e, Work* work) {
  if (!work->Spend(4)) return std::nullopt;
  switch (e.op) {
    case Op::kInterval:
    case Op::kTuple: {
      if (e.parts.size() != 2 || (e.Is(Op::kTuple) && e.text != "()")) return std::nullopt;
      const auto low = ToBound(e.parts[0], work), high = ToBound(e.parts[1], work);
      if (!low || !high || low->infinite > 0 || high->infinite < 0) return std::nullopt;
      // (3, 1) is a pair, not an empty interval.
      if (low->value && high->value && Order(low->value, high->value).value_or(1) >= (e.text == "[]" ? 1 : 0)) return std::nullopt;
      return Normalise({{low->value, high->value, low->value && e.text[0] == '[', high->value && e.text[1] == ']'}});
    }
    case Op::kSymbol:
      if (e.text == "ℝ") return RealSet{{}};
      if (e.text == "∅") return RealSet{};
      return std::nullopt;
    case Op::kSet: {
      RealSet set;
      for (const Expression& part : e.parts) {
        const auto bound = ToBound(part, work);
        if (!bound || bound->infinite != 0) return std::nullopt;
        set.push_back({bound->value, bound->value, true, true});
      }
      return Normalise(std::move(set));
    }
    case Op::kUnion:
    case Op::kIntersection:
    case Op::kDifference: {
      const auto a = ToRealSet(e.parts[0], work), b = ToRealSet(e.parts[1], work);
      if (!a || !b) return std::nullopt;
      if (e.Is(Op::kUnion)) return Join(*a, *b);
      return e.Is(Op::kIntersection) ? Meet(*a, *b) : Meet(*a, Complement(*b));
    }
    case Op::kRelation: return FromRelation(e, work);
    case Op::kList: {
      std::optional<RealSet> all, any;
      if (Variables(e).size() > 1) return std::nullopt;
      bool relations = false;
      char excluded = '\0';  // "x ≠ 1, 2"
      for (const Expression& part : e.parts) {
        std::optional<RealSet> set;
        if (excluded == 'n' && !part.Is(Op::kRelation)) {
          const auto bound = ToBound(part, work);
          if (!bound) return std::nullopt;
          set = Ray(*bound, 'n');
        } else {
          set = ToRealSet(part, work);
          relations = relations || part.Is(Op::kRelation);
        }
        if (part.Is(Op::kRelation) && part.text == "n") excluded = 'n';
        if (!set) return std::nullopt;
        all = all ? Meet(*all, *set) : *set;
        any = any ? Join(*any, *set) : *set;
      }
      if (!all) return std::nullopt;
      if (!relations) return any;  // intervals side by side
      if (excluded == 'n' || e.text == "and") return all;
      return e.text == "or" || all->empty() ? any : all;
    }
    default: return std::nullopt;
  }
}

bool SameSet(const RealSet& a, const RealSet& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto same = [](const Value& x, const Value& y) { return !x || !y ? !x && !y : Compare(x, y) == Closeness::kSame; };
    if (!same(a[i].low, b[i].low) || !same(a[i].high, b[i].high) || a[i].low_closed != b[i].low_closed ||
        a[i].high_closed != b[i].high_closed) {
      return false;
    }
  }
  return true;
}

}  // namespace pith
