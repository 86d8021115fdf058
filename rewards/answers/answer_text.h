// Finding an answer in a text, and bringing an answer into a plain form. All linear in the length of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/question.h"

namespace pith {

inline constexpr size_t kMaxAnswerBytes = 300;  // longer texts are responses, not answers

// A marked answer: the rest of the line after exactly four hashes, or what \boxed{} holds.
struct MarkedAnswer {
  std::string_view text;  // trimmed, not empty; points into the searched text
  size_t end = 0;         // index just behind the mark: the line's end, or the closing brace
};
struct MarkedAnswers {
  int count = 0;              // a box on a #### line counts with that line as one
  std::optional<MarkedAnswer> last;
};
MarkedAnswers FindMarkedAnswers(std::string_view text);

// Where the text's last boxes stand side by side ("\boxed{2} and \boxed{3}", "x = \boxed{2}, y = \boxed{3}"): what they hold,
// in order and without repeats; else the last box alone; empty without boxes.
std::vector<std::string_view> FindFinalBoxes(std::string_view text);
std::vector<std::string_view> FindAllBoxes(std::string_view text);  // in order and without repeats; of both the first 32
// Whether what stands between two answers joins them: "and", "or", commas, "x =", nothing else of note.
bool StandSideBySide(std::string_view between);

// What follows the last "answer is" (and no "not", and no doubt before it), up to the end of its sentence or its "because"; a displayed formula whole. On a line of its
// own it must be mathematics or a choice.
std::optional<std::string_view> FindStatedAnswer(std::string_view text, const Question& question);
// The last number, with its sign, currency and percent, but none right behind "not".
std::optional<std::string_view> FindLastNumber(std::string_view text);
std::optional<std::string_view> FindFirstNumber(std::string_view text);  // also behind "not"
// The one number that a short text without digits spells out: "There are twenty-one." "One" alone is none.
std::optional<std::string_view> FindOnlyNumberWords(std::string_view text);

// Of a text in normal spelling (normal_text.h), without the dress of LaTeX and Markdown: \text{}, \left, \!, $…$, **, a closing period;
// fractions in one form; single spaces.
std::string CleanAnswer(std::string_view answer);
// For comparing as text: a cleaned answer without spaces, in lower case when it is words alone.
std::string ComparableText(std::string_view cleaned);

}  // namespace pith
