#include <algorithm>
#include <map>
#include <utility>

#include "rewards/math/comparer.h"
#include "rewards/math/rewrite.h"

namespace pith {

Comparer::Answers Comparer::Values(const Expression& collection) {
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

std::optional<Comparer::Answers> Comparer::ByName(const Expression& collection) {
  std::map<std::string, Expression> sorted;
  for (const Expression& part : collection.parts) {
    const auto assignment = AsAssignment(part);
    if (!assignment || !sorted.emplace(assignment->name, assignment->value).second) return std::nullopt;
  }
  Answers values;
  for (auto& [name, value] : sorted) values.push_back(value);
  return values;
}

std::optional<Comparer::Answers> Comparer::ByRepeatedNames(const Expression& collection) {
  std::vector<NamedValue> named;
  for (const Expression& part : collection.parts) {
    auto assignment = AsAssignment(part);
    if (!assignment) return std::nullopt;
    named.push_back(std::move(*assignment));
  }
  size_t period = 1;
  while (period < named.size() && named[period].name != named[0].name) ++period;
  if (period < 2 || named.size() < 2 * period || named.size() % period != 0) return std::nullopt;
  Answers tuples;
  for (size_t begin = 0; begin < named.size(); begin += period) {
    std::map<std::string, Expression> sorted;
    for (size_t at = begin; at < begin + period; ++at) {
      if (named[at].name != named[at - begin].name) return std::nullopt;
      sorted.emplace(named[at].name, named[at].value);
    }
    if (sorted.size() != period) return std::nullopt;
    Answers values;
    for (auto& [name, value] : sorted) values.push_back(std::move(value));
    tuples.push_back(Node(Op::kTuple, std::move(values), "()"));
  }
  return tuples;
}

namespace {

// "2x = 6, x = 3": the steps to the last, which is the answer.
bool IsDerivation(const Expression& list) {
  const auto last = list.Is(Op::kList) && list.parts.size() > 1 ? AsAssignment(list.parts.back()) : std::nullopt;
  return last && std::all_of(list.parts.begin(), list.parts.end() - 1, [&](const Expression& step) {
    return IsEquation(step) && !AsAssignment(step) && Variables(step) == std::set<std::string>{last->name};
  });
}

// "2πk, k ∈ ℤ" in the n of "2πn, n ∈ ℤ": the first member of p.
std::optional<Expression> InParameterOf(const Expression& g, const Expression& p) {
  const auto is_bound = [](const Expression& e) {
    return e.parts.size() == 2 && e.parts[1].Is(Op::kRelation, "e") && e.parts[1].parts[0].Is(Op::kSymbol) && IsArithmetic(e.parts[0]);
  };
  if (!is_bound(g) || !is_bound(p) || g.parts[1].parts[1] != p.parts[1].parts[1]) return std::nullopt;
  const std::string &to = g.parts[1].parts[0].text, &from = p.parts[1].parts[0].text;
  if (from == to || ContainsSymbol(p.parts[0], to) || IsConstantSymbol(from)) return std::nullopt;
  Expression value = p.parts[0];
  Rename(from, to, &value);
  return value;
}

}  // namespace

bool Comparer::SameCollection(const Expression& g, const Expression& p) {
  const bool g_many = g.Is(Op::kList) || g.Is(Op::kSet), p_many = p.Is(Op::kList) || p.Is(Op::kSet);
  if (g_many && p_many) {
    if (const auto renamed = InParameterOf(g, p)) return Same(g.parts[0], *renamed);
    const auto g_named = ByName(g), p_named = ByName(p);
    // "a = 2, b = 3" is 2 and 3 in this order.
    if (g_named && !p_named) return Pairwise(*g_named, Values(p));
    if (p_named && !g_named) return AnyOrder(Values(g), *p_named);
    const auto g_pairs = ByRepeatedNames(g), p_pairs = ByRepeatedNames(p);
    Answers x = g_pairs ? *g_pairs : Values(g), y = p_pairs ? *p_pairs : Values(p);
    const auto is_tuple = [](const Expression& e) { return e.Is(Op::kTuple); };
    const bool points = std::all_of(x.begin(), x.end(), is_tuple) && std::all_of(y.begin(), y.end(), is_tuple);
    // A set may repeat its members, and points may be written twice; a list of answers says each once.
    if (g.Is(Op::kSet) || points) x = WithoutRepeats(x);
    if (p.Is(Op::kSet) || points) y = WithoutRepeats(y);
    return AnyOrder(x, y);
  }
  const Expression& many = g_many ? g : p;
  const Expression& other = g_many ? p : g;
  if (many.Is(Op::kSet) && other.Is(Op::kSymbol, "∅")) return false;  // {∅} holds something
  // "x + 2, x ≠ 2": the condition is no answer.
  const auto is_condition = [](const Expression& e) { return e.Is(Op::kRelation, "n"); };
  if (many.Is(Op::kList) && many.text != "or" && std::any_of(many.parts.begin(), many.parts.end(), is_condition) && !Contains(other, Op::kRelation)) {
    Expression rest = many;
    std::erase_if(rest.parts, is_condition);
    if (!rest.parts.empty()) return g_many ? Same(rest, other) : Same(other, rest);
  }
  if (many.parts.size() == 1 || ((many.Is(Op::kSet) || many.text == "or") && WithoutRepeats(many.parts).size() == 1)) {
    return g_many ? Same(many.parts[0], other) : Same(other, many.parts[0]);
  }
  // "2πk, k ∈ ℤ" for 2πk
  if (many.Is(Op::kList) && many.parts.size() == 2 && many.parts[1].Is(Op::kRelation, "e") && many.parts[1].parts[1].Is(Op::kSymbol, "ℤ") &&
      many.parts[1].parts[0].Is(Op::kSymbol) && ContainsSymbol(many.parts[0], many.parts[1].parts[0].text)) {
    return g_many ? Same(many.parts[0], other) : Same(other, many.parts[0]);
  }
  if (IsDerivation(many)) return g_many ? Same(many.parts.back(), other) : Same(other, many.parts.back());
  if (!other.Is(Op::kTuple) || many.Is(Op::kSet)) return false;
  if (const auto named = ByName(many)) return g_many ? Pairwise(*named, other.parts) : Pairwise(other.parts, *named);
  return g_many ? AnyOrder(many.parts, other.parts) : Pairwise(other.parts, many.parts);
}

std::vector<Comparer::Answers> Comparer::Rows(const Expression& e) {
  std::vector<Answers> rows;
  for (const Expression& part : e.parts) {
    if (part.Is(Op::kTuple) || part.Is(Op::kInterval)) rows.push_back(part.parts);
    else rows.push_back({part});
  }
  return rows;
}

bool Comparer::SameMatrix(const Expression& g, const Expression& p) {
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

}  // namespace pith
