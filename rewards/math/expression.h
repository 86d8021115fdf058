// An answer as a tree.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace pith {

enum class Op {
  kNumber,      // text: "12", "0.5", "0.1(6)" (repeating), "1.2e5"
  kBased,       // text: digits; parts: {kNumber base}
  kSymbol,      // text: variable, constant (π, e, i, ∞), named set (ℝ, ℤ, ∅ …)
  kText,        // text: words in lower case, joined by single spaces
  kAdd, kMultiply, kDivide, kPower,  // two parts each
  kNegate, kFactorial, kPercent, kDegree,  // one part; a percent or degree sign that stands behind it
  kFunction,    // text: name; parts: arguments. log has {x} or {x, base}, root has {x, n}, sum and prod
                // {first, last, term, the symbol that counts in the term}
  kPlusMinus,   // one or two parts; text "+" for ±, "-" for ∓
  kTuple,       // text: the opening and the closing delimiter, "()", "[]", "<>"; two or more parts
  kInterval,    // text: "[)", "(]" or "[]"; two parts. An open one is written as a pair, so it is a kTuple
  kMatrix,      // parts: rows, each a kTuple of its cells (one cell or more)
  kSet,         // \{…\}
  kList,        // several answers; text: "or", "and" or ""
  kUnion, kIntersection, kDifference,  // of sets; two parts
  kRelation,    // a chain; text: one character per sign: = < > l (≤) g (≥) n (≠) e (∈); one more part than signs
  kQuantity,    // parts: {value}; text: unit, "$" and the like for currencies
  kRatio,       // 3:4, 12:30; text: "", "am", "pm"
  kModulo,      // parts: {value, modulus}
  kChoice,      // (B) 12; text: "B"; parts: {the rest}
  kApproximate, // 11/36 ≈ 0.306; parts: {exact, rounded}
};

struct Expression {
  Op op = Op::kNumber;
  std::string text;
  std::vector<Expression> parts;

  bool operator==(const Expression&) const = default;  // the same tree
  bool Is(Op o) const { return op == o; }
  bool Is(Op o, const char* t) const { return op == o && text == t; }
};

inline Expression Leaf(Op op, std::string text) { return {op, std::move(text), {}}; }
inline Expression Node(Op op, std::vector<Expression> parts, std::string text = "") { return {op, std::move(text), std::move(parts)}; }

bool IsSum(const Expression& expression);  // or a product: \\sum, \\prod
bool Contains(const Expression& expression, Op op);
bool ContainsSymbol(const Expression& expression, const std::string& name);
// Names that stand for any number: all symbols but π, e, i, ∞ and the named sets.
std::set<std::string> Variables(const Expression& expression);
bool IsConstantSymbol(const std::string& name);
void Rename(const std::string& from, const std::string& to, Expression* expression);  // symbols
// A value as opposed to words, sets, relations: something that arithmetic is done with.
bool IsArithmetic(const Expression& expression);

}  // namespace pith
