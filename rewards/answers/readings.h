// What a response says, found without knowing what it should say. Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rewards/answers/answer.h"
#include "rewards/math/question.h"

namespace pith {

// Short enough for a bare answer, and mathematics as a whole (rewards/math/judge.h).
bool IsBareMathematics(std::string_view text, const Question& question);

// Behind the last </think>, and in the last <answer>…</answer> where something stands there; else the whole. Nothing of thoughts that were not closed.
std::string_view FinalPart(std::string_view response);
// Where every command is escaped twice ("\\frac{1}{2}", a string within a string): escaped once.
std::string WithSingleBackslashes(std::string_view text);

// How many answers are asked for: the one thing about a gold answer that says how to read.
enum class Asked { kOne, kSeveral };

struct Said {
  std::string text;
  bool words = false;  // that an unmarked line comes to: no answer at all where mathematics is asked for
};

// The answer of a final part; nothing when there is none under this reading. In order, and the first that applies is all that is read:
//   1. what is marked: the last "#### x" or box; last boxes side by side are one list; where several answers are asked for and each box holds one, all boxes
//   2. lenient: the whole, where it is mathematics and nothing else; then what "the answer is" states
//   3. of the last line that says something: its one date; where several answers are asked for, the lines of mathematics that end the response; of a line without digits
//      and formulas, the choices it names; bold words; the words behind its last mathematics ("20 is even")
//   4. of that line: where several answers are asked for, its last formulas side by side; bold mathematics; the number before the thing that is asked for; mathematics that
//      ends it; its last formula; the result of its last sum; a list that ends it; its last number
//   5. of that line: the choices it names, the only number in words, the words it comes to ("The function is even.")
//   6. of the lines before: the last formula, the last number
// In prose a number that is denied, doubted, offered beside another or changed by the words around it is none, nor is one that a formula around it makes another's: then
// the prose is what was read. What is marked or stated and is no mathematics as a whole is read on: up to its reason, its choices, the words it comes to, its one number;
// what is stated, as a line is by 4.
std::optional<Said> ReadAnswer(std::string_view final_part, Reading reading, Asked asked, const Question& question);

// choices.cc. Choices are the letters A … H.
bool IsChoiceLetter(char c);
// The choices that a text names and nothing else, in the order of the alphabet: "ABD", "A, B and D", "(A), (D)"; empty: none, or one letter twice.
std::string ChoiceLetters(std::string_view text);
// The choices that a sentence comes to: "The correct options are B and D.", "C, not B", "so (B) is right"; empty: none, or it cannot be told.
std::string ChoicesOf(std::string_view sentence);

// sentence.cc. The words that a sentence comes to: "even" of "The function is even.", "Evelyn" of "Evelyn has the greatest speed.", "Yes" of "Yes, since …"; nothing
// of a sentence that denies or doubts.
std::optional<std::string_view> WordsOf(std::string_view sentence);
// What is bold at the end of a line and is words: "The graph is **an ellipse**."
std::optional<std::string_view> FindBoldWords(std::string_view line);
// The one day with its month that a text names: "June 20", "20th of March, 2021".
std::optional<std::string_view> FindDate(std::string_view text);
// "march 20 2021" of a text that is a date; else empty.
std::string PlainDate(std::string_view text);
// Whether the words around a number [begin, end) of `text` deny or doubt it, offer another, or change it: "not 5", "5 is wrong", "5 or six", "5 thousandths", "20 below zero".
bool IsSpoiled(std::string_view text, size_t begin, size_t end);
// prose_numbers.cc. A number that stands in prose, with its unit; the prose, which is no gold answer, where it spoils the number or where the number is a part of a formula.
std::string FromProse(std::string_view prose, std::string_view number);
// The last line that says more than good-bye; from its beginning the formula of several lines that ends in it.
std::string_view LastStatement(std::string_view response);
std::string_view LastSentence(std::string_view line);
// "12, since 3 · 4 = 12": 12.
std::string_view WithoutReason(std::string_view sentence);

}  // namespace pith
