// Which part of a response is its answer.
#include "rewards/answers/readings.h"

#include <optional>

#include "rewards/answers/answer.h"
#include "rewards/answers/answer_text.h"
#include "rewards/answers/find_mathematics.h"
#include "rewards/answers/plain_number.h"
#include "rewards/math/ascii.h"
#include "rewards/math/parser.h"

namespace pith {
namespace {

constexpr size_t kMaxBareBytes = 300;  // longer texts are responses, not answers

// "5 when x": the equation that follows is another's.
bool HasClause(std::string_view text) {
  for (std::string_view word : {" when ", " for ", " at ", " if ", " where ", " with "}) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

// The answer in "5 + 3 = 8 apples", "12, since …", "$8".
std::string FromStatement(std::string_view stated) {
  // "(B) because …"; "(B) 12" is mathematics as a whole.
  if (stated.size() > 3 && stated[0] == '(' && IsChoiceLetter(stated[1]) && stated[2] == ')' && !IsBareMathematics(stated)) {
    return std::string(stated.substr(0, 3));
  }
  if (ParsePlainNumber(CleanAnswer(stated))) return std::string(stated);
  if (IsBareMathematics(stated)) return std::string(stated);
  if (const auto formula = FindLastFormula(stated)) return std::string(*formula);
  if (const auto mathematics = FindFinalMathematics(stated, /*structured=*/true)) {
    const auto number = FindFirstNumber(stated);
    if (!number || number->data() >= mathematics->data()) return std::string(*mathematics);  // else "5 for x = 3"
  }
  const size_t equals = stated.rfind('=');
  if (equals != std::string_view::npos && !HasClause(stated.substr(0, equals))) {
    if (const auto number = FindFirstNumber(stated.substr(equals + 1))) return std::string(*number);
  }
  if (const auto number = FindFirstNumber(stated)) return std::string(*number);
  return std::string(stated);
}

std::string Joined(const std::vector<std::string_view>& parts) {
  std::string joined;
  for (std::string_view part : parts) joined += (joined.empty() ? "" : ", ") + std::string(part);
  return joined;
}

}  // namespace

std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading) {
  response = FinalPart(response);
  if (const auto marked = FindMarkedAnswers(response).last) {
    const std::vector<std::string_view> boxes = FindFinalBoxes(response);
    if (boxes.size() < 2 || boxes.back() != marked->text) return std::string(marked->text);
    return Joined(boxes);
  }
  if (reading == Reading::kStrict) return std::nullopt;
  if (const auto stated = FindStatedAnswer(response)) return FromStatement(*stated);
  if (const auto mathematics = FindFinalMathematics(response, /*structured=*/true)) {
    return std::string(FindFormulaAround(response, *mathematics).value_or(*mathematics));
  }
  if (const auto formula = FindLastFormula(response)) return std::string(*formula);
  if (const auto bold = FindBoldMathematics(response)) return std::string(*bold);
  if (const auto number = FindEquatedNumber(response)) return std::string(*number);
  if (const auto number = FindLastNumber(response)) return std::string(*number);
  if (const auto number = FindOnlyNumberWords(response)) return std::string(*number);
  return std::nullopt;
}

std::string WithoutTouchingUnit(std::string_view answer) {
  for (std::string_view power : {"²", "³", "^2", "^3"}) {
    if (answer.ends_with(power)) answer.remove_suffix(power.size());
  }
  if (answer.size() < 2 || std::string_view("mgshlL").find(answer.back()) == std::string_view::npos || !IsAsciiDigit(answer[answer.size() - 2])) return "";
  return std::string(answer.substr(0, answer.size() - 1));
}

std::vector<std::string> SeveralReadings(std::string_view response, bool marked_only) {
  std::vector<std::string> readings;
  const std::vector<std::string_view> boxes = FindAllBoxes(response);
  if (boxes.size() > 1) readings.push_back(Joined(boxes));
  if (marked_only || !boxes.empty()) return readings;
  const std::vector<Formula> formulas = FindFormulas(response);
  std::vector<std::string_view> joined;
  for (size_t i = formulas.size(); i > 0; --i) {
    joined.insert(joined.begin(), formulas[i - 1].content);
    if (joined.size() == 32) break;
    if (i < 2 || !StandSideBySide(response.substr(formulas[i - 2].end, formulas[i - 1].begin - formulas[i - 2].end))) break;
  }
  if (joined.size() > 1) readings.push_back(Joined(joined));
  if (std::string lines = FinalLines(response); !lines.empty()) readings.push_back(std::move(lines));
  if (const auto list = FindFinalMathematics(response, /*structured=*/false)) readings.emplace_back(*list);
  return readings;
}

bool BeginsWithWords(std::string_view response, std::string_view words) {
  const std::string wanted = PlainWords(words);
  if (wanted.size() < 2 || response.size() > kMaxBareBytes || wanted.find_first_of("0123456789\\") != std::string::npos) return false;
  const std::string sentence = PlainWords(response);
  if (!sentence.starts_with(wanted)) return false;
  const std::string rest = sentence.substr(wanted.size()) + " ";
  for (std::string_view denial : {" not ", "n't ", "cannot ", " never ", " nor ", " or ", " and ", " but ", " no ", " yes ", " wait ", " so "}) {
    const bool agrees = wanted == "no" && (denial == " not " || denial == "n't " || denial == "cannot ");  // "No, it is not."
    if (!agrees && rest.find(denial) != std::string::npos) return false;
  }
  // "Yes, …" in the text as it is written: the words are plain there.
  std::string_view bare = TrimSpaces(response);
  if (bare.starts_with("\\text{")) bare.remove_prefix(6);
  const bool comma = wanted.find(' ') == std::string::npos && bare.size() > wanted.size() && PlainWords(bare.substr(0, wanted.size())) == wanted &&
                     (bare[wanted.size()] == ',' || bare[wanted.size()] == '.') && (wanted == "yes" || wanted == "no");
  if (comma) return true;
  for (std::string_view verb : {" is ", " has ", " was ", " will ", " wins ", " had "}) {
    if (rest.starts_with(verb)) return true;
  }
  return false;
}

bool EndsWithWords(std::string_view response, std::string_view words) {
  const std::string wanted = PlainWords(words);
  if (wanted.size() < 2 || wanted.find_first_of("0123456789\\") != std::string::npos) return false;
  std::string_view line = LastLine(response);
  while (!line.empty() && (line.back() == '.' || line.back() == '!')) line.remove_suffix(1);
  const size_t stop = line.rfind(". ");
  const std::string sentence = PlainWords(stop == std::string_view::npos ? line : line.substr(stop + 2));
  if (!sentence.ends_with(wanted)) return false;
  if (sentence.size() > wanted.size() && sentence[sentence.size() - wanted.size() - 1] != ' ') return false;
  const std::string before = " " + sentence.substr(0, sentence.size() - wanted.size());
  for (std::string_view denial : {" not ", "n't ", " never ", " no ", " nor ", " neither ", " or ", "cannot ", " without ", " than "}) {
    if (before.find(denial) != std::string::npos) return false;
  }
  return true;
}

}  // namespace pith
