#include "rewards/math/unfinished.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "rewards/math/comparer.h"
#include "rewards/math/evaluate.h"
#include "rewards/math/parser.h"
#include "rewards/math/rewrite.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

bool IsWholeNumber(const Expression& e) {
  if (e.Is(Op::kNegate)) return IsWholeNumber(e.parts[0]);
  return e.Is(Op::kNumber) && e.text.find_first_not_of("0123456789") == std::string::npos;
}

bool IsPowerOfTen(const Expression& e) { return e.Is(Op::kPower) && e.parts[0].Is(Op::kNumber, "10") && IsWholeNumber(e.parts[1]); }

// A number as it is written at the end: 12, −0.5, 3/4, 1 1/2, 10^6, 3·10^5, 25%, 30°, 5 cm.
bool IsWritten(const Expression& e) {
  switch (e.op) {
    case Op::kNumber:
    case Op::kBased: return true;
    case Op::kNegate: return !e.parts[0].Is(Op::kNegate) && IsWritten(e.parts[0]);
    case Op::kPercent:
    case Op::kDegree:
    case Op::kQuantity: return IsWritten(e.parts[0]);
    case Op::kAdd: return e.text == "mixed" || e.text == "compound" || e.text == "arc" || (e.parts[1].Is(Op::kQuantity) && e.parts[0].Is(Op::kQuantity));
    case Op::kPower: return IsPowerOfTen(e);
    case Op::kMultiply: return e.text == "scaled" || (IsWritten(e.parts[0]) && !e.parts[0].Is(Op::kMultiply) && IsPowerOfTen(e.parts[1]));
    case Op::kDivide: {
      if (!IsWholeNumber(e.parts[0]) || !IsWholeNumber(e.parts[1])) return false;
      Work work(1000);
      Arithmetic arithmetic{&work};
      return !IsInteger(Evaluate(e, {}, &arithmetic));  // 48/2 is to be divided
    }
    case Op::kRatio: return std::all_of(e.parts.begin(), e.parts.end(), IsWritten);
    default: return false;
  }
}

// Functions that do one job in several spellings.
std::string FunctionKind(const std::string& name) {
  constexpr auto kTrigonometry = std::to_array<std::string_view>({"sin", "cos", "tan", "sec", "csc", "cot", "cis"});
  if (std::find(kTrigonometry.begin(), kTrigonometry.end(), name) != kTrigonometry.end()) return "trigonometry";
  if (name.starts_with("arc") || name == "asin" || name == "acos" || name == "atan") return "inverse trigonometry";
  if (name == "log" || name == "ln" || name == "lg") return "logarithm";
  return name == "binom" || name == "!!" ? "factorial" : name;
}

bool IsDone(const std::string& function) { return function == "root" || function == "sqrt" || function == "cbrt" || function == "abs" || function == "exp" || function.size() == 1; }

bool IsConstant(const Expression& e) {
  if (!IsArithmetic(e) || !Variables(e).empty()) return false;
  return !e.Is(Op::kFunction) || e.text.size() > 1;
}

// The kinds of work that are left in `e`.
void CollectWork(const Expression& e, Work* work, std::set<std::string>* kinds) {
  if (!work->Spend(8) || IsWritten(e)) return;
  // Of a variable it is a closed form: n(n−1)/2 is \binom n2 as well.
  const bool counts = Variables(e).empty();
  if (e.Is(Op::kFactorial) && counts) kinds->insert("factorial");
  if (e.Is(Op::kFunction) && !IsDone(e.text) && (counts || FunctionKind(e.text) != "factorial")) kinds->insert(FunctionKind(e.text));
  const bool of_degrees = e.Is(Op::kAdd) && Contains(e.parts[0], Op::kDegree) && Contains(e.parts[1], Op::kDegree);
  if (IsConstant(e)) {
    Arithmetic arithmetic{work};
    if (of_degrees || IsRational(Evaluate(e, {}, &arithmetic))) {
      kinds->insert("arithmetic");
      return;
    }
  }
  for (const Expression& part : e.parts) {
    // A circle's r² is written 3² as well.
    const bool square = e.Is(Op::kRelation) && !Variables(e).empty() && part.Is(Op::kPower) && IsWritten(part.parts[0]) && part.parts[1].Is(Op::kNumber, "2");
    if (!square) CollectWork(part, work, kinds);
  }
}

bool IsSolved(const Expression& relation) {
  const auto is_name = [](const Expression& e) { return e.Is(Op::kSymbol) || (e.Is(Op::kFunction) && (e.text.size() == 1 || e.text == "abs")); };
  return std::any_of(relation.parts.begin(), relation.parts.end(), is_name) || Variables(relation).size() != 1;
}

bool HasUnsolved(const Expression& e) {
  if (e.Is(Op::kRelation)) return !IsSolved(e);
  return std::any_of(e.parts.begin(), e.parts.end(), HasUnsolved);
}

// What a chain, an assignment, a derivation or an approximation comes to; members of lists likewise. `like`: the gold answer, which may be a relation or a list itself.
Expression Result(const Expression& e, const Expression& like) {
  if (e.Is(Op::kApproximate) || e.Is(Op::kChoice)) return Result(e.parts[0], like);
  if (e.Is(Op::kRelation) && e.text.find_first_not_of('=') == std::string::npos) {
    const bool named = e.parts[0].Is(Op::kSymbol) || e.parts[0].Is(Op::kFunction);
    if (named || Variables(e).empty() || !like.Is(Op::kRelation)) return Result(e.parts.back(), like);
  }
  const auto is_collection = [](const Expression& c) { return c.Is(Op::kList) || c.Is(Op::kSet) || c.Is(Op::kTuple); };
  Expression result = e;
  if (e.Is(Op::kList) && !is_collection(like)) {
    std::erase_if(result.parts, [](const Expression& part) { return part.Is(Op::kRelation, "n"); });  // x + 2, x ≠ 2
    if (!result.parts.empty() && result.parts.back().Is(Op::kRelation)) return Result(Expression(result.parts.back()), like);
  }
  if (is_collection(e)) {
    for (Expression& part : result.parts) part = Result(part, like);
  }
  return result;
}

bool HasExponentialForm(const Expression& e) {
  if (e.Is(Op::kPower) && e.parts[0].Is(Op::kSymbol, "e")) return true;
  return std::any_of(e.parts.begin(), e.parts.end(), HasExponentialForm);
}

bool AreWritten(const Expression& e) {
  if (e.Is(Op::kList) || e.Is(Op::kSet) || e.Is(Op::kTuple)) return std::all_of(e.parts.begin(), e.parts.end(), AreWritten);
  return IsWritten(e);
}

// A written number among the members that is none in the answer: where all of the gold answer are numbers, √16 and sin 30° are to be worked out.
bool HasValueToFind(const Expression& e) {
  if (e.Is(Op::kList) || e.Is(Op::kSet) || e.Is(Op::kTuple)) return std::any_of(e.parts.begin(), e.parts.end(), HasValueToFind);
  return IsConstant(e) && !IsWritten(e) && !ContainsSymbol(e, "π");
}

// In another base than the gold answer, and with other digits.
bool IsInOtherBase(const Expression& g, const Expression& a) {
  if (!IsWritten(g) || !IsWritten(a) || (!g.Is(Op::kBased) && !a.Is(Op::kBased))) return false;
  const auto base = [](const Expression& e) { return e.Is(Op::kBased) ? e.parts[0].text : std::string("10"); };
  return base(g) != base(a) && g.text != a.text;
}

// In one order, so that a + b is b + a.
std::string Print(const Expression& e) {
  std::vector<std::string> parts;
  for (const Expression& part : e.parts) parts.push_back(Print(part));
  if (e.Is(Op::kAdd) || e.Is(Op::kMultiply)) std::sort(parts.begin(), parts.end());
  std::string text = std::to_string(static_cast<int>(e.op)) + e.text + "(";
  for (const std::string& part : parts) text += part + ",";
  return text + ")";
}

// How a number is written, which a question may ask to change.
char FormOf(const Expression& e) {
  if (e.Is(Op::kNegate)) return FormOf(e.parts[0]);
  if (e.Is(Op::kDivide)) return '/';
  if (e.Is(Op::kAdd)) return '+';
  if (e.Is(Op::kPercent)) return '%';
  if (e.Is(Op::kNumber)) return e.text.find('(') != std::string::npos ? '(' : e.text.find('.') != std::string::npos ? '.' : '1';
  return 'o';
}

}  // namespace

bool LeavesWork(const Expression& gold, const Expression& answer, std::span<const std::string_view> question_formulas, Work* work) {
  const Expression g = Result(gold, gold), a = Result(answer, gold);
  const std::string written = Print(a);
  if (Print(g) == written) return false;
  std::set<std::string> done, left;
  CollectWork(g, work, &done);
  CollectWork(a, work, &left);
  if (HasExponentialForm(g)) done.insert("trigonometry");
  Arithmetic arithmetic{work};
  if (IsConstant(g) && !IsWritten(g) && IsRational(Evaluate(a, {}, &arithmetic))) done.insert("arithmetic");
  if (done.count("arithmetic") == 0 && AreWritten(g) && HasValueToFind(a)) return true;
  if (!std::includes(done.begin(), done.end(), left.begin(), left.end())) return true;
  if (IsInOtherBase(g, a)) return true;
  if (HasUnsolved(a) && !HasUnsolved(g)) return true;
  // A symbol or a number that is mentioned says nothing; another form of a number may be what is asked for.
  if (a.parts.empty() && !a.Is(Op::kNumber)) return false;
  bool echoed = false;
  for (std::string_view formula : question_formulas) {
    const auto parsed = ParseAnswer(formula, {}, work);
    if (!parsed) continue;
    const std::string asked = Print(Result(*parsed, gold));
    if (asked == Print(g)) return false;
    echoed = echoed || asked == written;
  }
  return echoed && !(IsWritten(a) && (!IsWritten(g) || FormOf(a) == FormOf(g)));
}

}  // namespace pith
