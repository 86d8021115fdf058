#include "rewards/math/judge.h"

#include <algorithm>
#include <string>

#include "rewards/math/ascii.h"
#include "rewards/math/compare.h"
#include "rewards/math/comparer.h"
#include "rewards/math/parser.h"
#include "rewards/math/question.h"
#include "rewards/math/unfinished.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

// "100,200,300" may be a long number or three short ones; "1,234" is hardly a list.
bool MayBeListOfThrees(std::string_view text) {
  for (size_t at = text.find(','); at != std::string_view::npos; at = text.find(',', at + 1)) {
    if (at >= 3 && at + 3 < text.size() && IsAsciiDigit(text[at - 1]) && IsAsciiDigit(text[at - 2]) && IsAsciiDigit(text[at - 3]) &&
        IsAsciiDigit(text[at + 1]) && IsAsciiDigit(text[at + 2]) && IsAsciiDigit(text[at + 3])) {
      return true;
    }
  }
  return false;
}

bool HasUnknownUnit(const Expression& e, const Question& question) {
  if (e.Is(Op::kQuantity) && !IsKnownUnit(e.text, question)) return true;
  return std::any_of(e.parts.begin(), e.parts.end(), [&](const Expression& part) { return HasUnknownUnit(part, question); });
}

// "7 dozen eggs": the product that a scale word makes.
const Expression* ScaledPart(const Expression& e) {
  if (e.Is(Op::kMultiply) && e.text == "scaled") return &e;
  return e.Is(Op::kQuantity) ? ScaledPart(e.parts[0]) : nullptr;
}
std::string ScaleName(const Expression& scaled) {
  for (const char* name : {"dozen", "hundred", "thousand", "million", "billion"}) {
    if (scaled.parts[1].Is(Op::kNumber, std::to_string(ScaleWord(name)).c_str())) return name;
  }
  return "?";
}

bool IsLetter(const Expression& e) { return (e.Is(Op::kSymbol) || e.Is(Op::kText)) && e.text.size() == 1; }

}  // namespace

Sameness JudgeSameness(std::string_view gold, std::string_view answer, const Question& question, std::span<const std::string_view> question_formulas, Work* work) {
  auto g = ParseAnswer(gold, {}, work);
  auto p = ParseAnswer(answer, {}, work);
  if (p && HasUnknownUnit(*p, question)) p.reset();
  // "(B) 12" is the letter; it is 12 as well where the question offers choices.
  if (g && p && p->Is(Op::kChoice) && !g->Is(Op::kChoice) && !IsLetter(*g)) {
    if (!question.OffersChoices()) return Sameness::kDifferent;
    p = Expression(p->parts[0]);
  }
  // "x + y = 5" where x + y is what the question names: its value.
  if (g && p && IsEquation(*p) && p->parts.size() == 2 && !g->Is(Op::kRelation)) {
    for (std::string_view formula : question_formulas) {
      const auto asked = ParseAnswer(formula, {}, work);
      if (!asked || *asked != p->parts[0]) continue;
      p = Expression(p->parts[1]);
      break;
    }
  }
  // "How many dozens": 7 dozen are 7. "How many hours": 5 minutes are not 5.
  const std::string thing = g && p && IsArithmetic(*g) ? question.AskedThing() : "";
  if (!thing.empty()) {
    if (const Expression* scaled = ScaledPart(*p); scaled != nullptr && thing == ScaleName(*scaled)) {
      p = Expression(scaled->parts[0]);
    } else if (p->Is(Op::kQuantity)) {
      const auto asked = FindUnit(thing), said = FindUnit(p->text);
      if (asked && said && asked->kind == said->kind) g = Node(Op::kQuantity, {Expression(*g)}, thing);
    }
  }
  const bool rounded = p && Contains(*p, Op::kApproximate) && question.AsksForRounding();
  if (g && p) {
    if (SameAnswer(*g, *p, rounded, work)) {
      Work more;
      return LeavesWork(*g, *p, question_formulas, &more) ? Sameness::kUnfinished : Sameness::kSame;
    }
    if (!work->exhausted() && answer.find('=') == std::string_view::npos && (MayBeListOfThrees(gold) || MayBeListOfThrees(answer))) {
      const LexerOptions lists{/*thousands=*/false};
      const auto g_list = ParseAnswer(gold, lists, work), p_list = ParseAnswer(answer, lists, work);
      if (g_list && p_list && SameAnswer(*g_list, *p_list, rounded, work)) return Sameness::kSame;
    }
    if (work->exhausted()) return Sameness::kOutOfWork;
    // "the red one" and "red one".
    if (!g->Is(Op::kText) && !p->Is(Op::kText)) return Sameness::kDifferent;
  }
  if (work->exhausted()) return Sameness::kOutOfWork;
  const std::string plain = PlainWords(gold);
  if (!plain.empty() && plain == PlainWords(answer)) return Sameness::kSame;
  return Sameness::kDifferent;
}

bool NamesSeveral(std::string_view text, Work* work) {
  const auto parsed = ParseAnswer(text, {}, work);
  return parsed && (parsed->Is(Op::kList) || parsed->Is(Op::kSet) || parsed->Is(Op::kTuple) || Contains(*parsed, Op::kPlusMinus));
}

bool IsMathematics(std::string_view text, const Question& question, Work* work) {
  const auto parsed = ParseAnswer(text, {}, work);
  return parsed && !Contains(*parsed, Op::kText) && !HasUnknownUnit(*parsed, question);
}

}  // namespace pith
