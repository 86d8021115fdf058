#include "rewards/math/expression.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pith {
namespace {

void Collect(const Expression& expression, std::set<std::string>* names) {
  if (IsSum(expression)) {  // the name that counts is bound
    std::set<std::string> inside;
    Collect(expression.parts[2], &inside);
    inside.erase(expression.parts[3].text);
    names->merge(inside);
    for (size_t end : {0, 1}) Collect(expression.parts[end], names);
    return;
  }
  if (expression.Is(Op::kSymbol) && !IsConstantSymbol(expression.text)) names->insert(expression.text);
  for (const Expression& part : expression.parts) Collect(part, names);
}

}  // namespace

bool IsSum(const Expression& e) { return e.Is(Op::kFunction) && e.parts.size() == 4 && (e.text == "sum" || e.text == "prod"); }

void Rename(const std::string& from, const std::string& to, Expression* expression) {
  if (expression->Is(Op::kSymbol) && expression->text == from) expression->text = to;
  for (Expression& part : expression->parts) Rename(from, to, &part);
}

bool Contains(const Expression& expression, Op op) {
  if (expression.op == op) return true;
  return std::any_of(expression.parts.begin(), expression.parts.end(), [&](const Expression& p) { return Contains(p, op); });
}

bool ContainsSymbol(const Expression& expression, const std::string& name) {
  if (expression.op == Op::kSymbol && expression.text == name) return true;
  return std::any_of(expression.parts.begin(), expression.parts.end(),
                     [&](const Expression& p) { return ContainsSymbol(p, name); });
}

bool IsConstantSymbol(const std::string& name) {
  constexpr std::array<std::string_view, 9> kNames = {"π", "e", "i", "∞", "ℝ", "ℤ", "ℚ", "ℕ", "∅"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || name == "ℂ";
}

std::set<std::string> Variables(const Expression& expression) {
  std::set<std::string> names;
  Collect(expression, &names);
  return names;
}

bool IsArithmetic(const Expression& expression) {
  switch (expression.op) {
    case Op::kNumber:
    case Op::kBased: return true;
    case Op::kSymbol: return !IsConstantSymbol(expression.text) || expression.text == "π" || expression.text == "e" ||
                             expression.text == "i" || expression.text == "∞";
    case Op::kAdd:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kPower:
    case Op::kNegate:
    case Op::kFactorial:
    case Op::kPercent:
    case Op::kDegree:
    case Op::kFunction:
      if (expression.text == "det" && expression.parts.size() == 1 && expression.parts[0].Is(Op::kMatrix)) {
        const auto& rows = expression.parts[0].parts;
        return std::all_of(rows.begin(), rows.end(),
                           [](const Expression& row) { return std::all_of(row.parts.begin(), row.parts.end(), IsArithmetic); });
      }
      return std::all_of(expression.parts.begin(), expression.parts.end(), IsArithmetic);
    default: return false;
  }
}

}  // namespace pith
