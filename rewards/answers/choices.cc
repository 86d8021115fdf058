// Which choices a response names.
#include <algorithm>
#include <array>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"
#include "rewards/math/spelling.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

// "\angle A": the point of a figure is no choice.
bool NamesPoint(std::string_view before) {
  before = TrimSpaces(before);
  const size_t command = before.rfind('\\');
  return command != std::string_view::npos && NamesFigure(before.substr(command + 1));
}

// A choice's letter at `at` that is part of no word and no formula.
bool IsLoneChoice(std::string_view text, size_t at) {
  const auto is_word = [&](size_t i) {
    const char c = i < text.size() ? text[i] : ' ';
    return IsAsciiLetter(c) || IsAsciiDigit(c) || c == '\\' || c == '_' || c == '\'';
  };
  if (at >= text.size() || !IsChoiceLetter(text[at]) || (at > 0 && is_word(at - 1)) || is_word(at + 1) || NamesPoint(text.substr(0, at))) return false;
  // "A cat", the article
  return !(text[at] == 'A' && text.substr(at + 1, 1) == " " && text.substr(at + 1, 4) != " is ");
}

bool Denies(std::string_view text) {
  const std::string words = " " + LowerCase(text) + " ";
  constexpr auto kWords = std::to_array<std::string_view>({" not ", "n't ", "nnot ", "either ", " nor ", " never ", " none ", " except ", " or ", "incorrect", "wrong"});
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view denial) { return words.find(denial) != std::string::npos; });
}

template <size_t N>
bool GoesOn(std::string_view rest, const std::array<std::string_view, N>& phrases) {
  while (!rest.empty() && std::string_view(")*$ ").find(rest[0]) != std::string_view::npos) rest.remove_prefix(1);
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) { return rest.starts_with(phrase); });
}

// "D is incorrect", "B is right": behind the letter.
constexpr std::array<std::string_view, 10> kDeniedBehind = {"is incorrect",  "is wrong", "is not", "isn't",  "is false",
                                                        "is impossible", "cannot",   "can't",  "is too", "is eliminated"};
constexpr std::array<std::string_view, 5> kAffirmedBehind = {"is correct", "is right", "is the correct", "is the right", "is the answer"};

// The one letter that stands alone in a short text ("so B is correct"); 0 where there is none or more than one.
char OnlyChoice(std::string_view response) {
  if (response.size() > kMaxAnswerBytes) return 0;
  const std::string_view bare = TrimSpaces(response);
  if (bare.size() > 4 && bare[0] == '(' && IsChoiceLetter(bare[1]) && bare[2] == ')' &&
      (bare.substr(3).starts_with(" because ") || bare.substr(3).starts_with(" since "))) {
    return bare[1];
  }
  char only = 0, affirmed = 0;
  int affirmations = 0;
  for (size_t i = 0; i < response.size(); ++i) {
    if (!IsChoiceLetter(response[i]) || (i > 0 && IsAsciiLetter(response[i - 1])) || !GoesOn(response.substr(i + 1), kAffirmedBehind)) continue;
    if (Denies(LastSentence(response.substr(0, i)))) continue;
    affirmed = response[i];
    ++affirmations;
  }
  if (affirmations == 1) return affirmed;
  for (size_t i = 0; i < response.size(); ++i) {
    if (!IsLoneChoice(response, i)) continue;
    if (only != 0 && only != response[i]) return 0;
    if (GoesOn(response.substr(i + 1), kDeniedBehind)) return 0;
    if (Denies(LastSentence(response.substr(0, i)))) return 0;
    // C + 1 is a formula.
    const size_t behind = response.find_first_not_of(" )$", i + 1);
    if (behind != std::string_view::npos && std::string_view("+/^=<>").find(response[behind]) != std::string_view::npos) return 0;
    only = response[i];
  }
  return only;
}

// In what is stated to be the answer: "C, not B", "for sure C"; else 0.
char StatedChoice(std::string_view stated) {
  constexpr std::array<std::string_view, 8> kLeads = {"for sure ", "definitely ", "clearly ", "certainly ",
                                                       "option ",   "choice ",     "indeed ",  "therefore "};
  for (bool again = true; again;) {
    again = false;
    while (!stated.empty() && std::string_view("*$( ").find(stated[0]) != std::string_view::npos) stated.remove_prefix(1);
    for (std::string_view lead : kLeads) {
      if (!stated.starts_with(lead)) continue;
      stated.remove_prefix(lead.size());
      again = true;
    }
  }
  if (!IsLoneChoice(stated, 0)) return 0;
  const std::string_view rest = stated.substr(1);
  const size_t next = rest.find_first_not_of(")*$ ");
  if (next == std::string_view::npos) return stated[0];
  // "C, not B" and "C; A is impossible" say C; "C, D", "C or D" and "C + 1" say no choice.
  if (rest[next] != ',' && rest[next] != ';') return 0;
  const size_t word = rest.find_first_not_of(" ", next + 1);
  if (word == std::string_view::npos) return stated[0];
  const std::string_view behind = rest.substr(word);
  const bool another = rest[next] == ',' && IsLoneChoice(behind, 0);
  const bool joined = behind.starts_with("and ") || behind.starts_with("or ") || !IsAsciiLetter(behind[0]);
  return another || joined ? 0 : stated[0];
}

// At the end of the last sentence, which denies nothing: "of A, B and C, the one that works is C."; else 0.
char FinalChoice(std::string_view response) {
  std::string_view line = TrimSpaces(response);
  if (const size_t end = line.rfind('\n'); end != std::string_view::npos) line = TrimSpaces(line.substr(end + 1));
  while (!line.empty() && std::string_view(".!*$)} ").find(line.back()) != std::string_view::npos) line.remove_suffix(1);
  if (line.empty() || !IsLoneChoice(line, line.size() - 1)) return 0;
  std::string_view before = LastSentence(line.substr(0, line.size() - 1));
  while (!before.empty() && std::string_view("*$( ").find(before.back()) != std::string_view::npos) before.remove_suffix(1);
  if (Denies(before)) return 0;
  for (std::string_view verb : {" is", " is option", " is choice"}) {
    if (before.ends_with(verb)) return line.back();
  }
  return 0;
}

// "(A)", "\\text{B}", "option C": without dress and lead.
std::string Undressed(std::string_view text) {
  std::string clean = CleanAnswer(text);
  constexpr auto kLeads = std::to_array<std::string_view>({"both ", "options ", "option ", "choices ", "choice ", "answers ", "letters ", "Options ", "Option ", "Choices ", "Choice "});
  for (std::string_view lead : kLeads) {
    if (clean.starts_with(lead)) clean.erase(0, lead.size());
  }
  return clean;
}

}  // namespace

bool IsChoiceLetter(char c) { return c >= 'A' && c <= 'H'; }

std::string ChoiceLetters(std::string_view text) {
  if (text.size() > kMaxAnswerBytes) return "";
  const std::string clean = Undressed(text);
  std::string letters;
  for (size_t at = 0; at < clean.size();) {
    const char c = clean[at];
    if (IsChoiceLetter(c)) {
      // Letters that touch are choices in their order alone: ABD, and no CAB.
      if (letters.find(c) != std::string::npos || (at > 0 && IsChoiceLetter(clean[at - 1]) && clean[at - 1] > c)) return "";
      letters += c;
      ++at;
    } else if (std::string_view(" ,;&/()").find(c) != std::string_view::npos) {
      ++at;
    } else if (clean.compare(at, 4, "and ") == 0) {
      at += 4;
    } else {
      return "";
    }
  }
  std::sort(letters.begin(), letters.end());
  return letters;
}

std::string ChoicesOf(std::string_view sentence) {
  if (std::string letters = ChoiceLetters(sentence); !letters.empty()) return letters;
  const std::string_view last = LastSentence(sentence);
  for (std::string_view verb : {" are ", " is ", " be ", ": "}) {
    const size_t at = last.rfind(verb);
    if (at == std::string_view::npos || Denies(last)) continue;
    if (std::string letters = ChoiceLetters(last.substr(at + verb.size())); !letters.empty()) return letters;
  }
  char choice = StatedChoice(sentence);
  if (choice == 0) choice = FinalChoice(sentence);
  if (choice == 0) choice = OnlyChoice(sentence);
  return choice == 0 ? "" : std::string(1, choice);
}

}  // namespace pith
