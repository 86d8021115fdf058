// What a response may be taken to say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pith {

std::string_view TrimSpaces(std::string_view text);
// Short enough for a bare answer, and mathematics as a whole (rewards/math/judge.h).
bool IsBareMathematics(std::string_view text);

// "12m", "x = 5m²" in a sentence: without the one letter that may be a unit; empty where none touches.
std::string WithoutTouchingUnit(std::string_view answer);

// For a gold answer that names several: every box of the response as one list; unless only marked ones count, also its last
// formulas side by side ("$x=2$ and $x=3$") and the list that ends it ("2 and 3"). None is found by ExtractAnswer, which
// takes the last.
std::vector<std::string> SeveralReadings(std::string_view response, bool marked_only);

// Behind the last </think>, and in the last <answer>…</answer>, where something stands there; else the whole.
std::string_view FinalPart(std::string_view response);
// Where every command is escaped twice ("\\frac{1}{2}", a string within a string): escaped once.
std::string WithSingleBackslashes(std::string_view text);
// The lines of mathematics, bulleted or numbered, that end a response, as one list; empty where there are not two.
std::string FinalLines(std::string_view response);

bool IsChoiceLetter(char c);  // A … H
// For a gold answer that is a choice: the one letter A … H that stands alone in a short response ("so B is correct"); 0 where
// there is none or more than one.
char OnlyChoice(std::string_view response);
// In what is stated to be the answer: "C, not B", "for sure C"; else 0.
char StatedChoice(std::string_view stated);
// At the end of the last sentence, which denies nothing: "of A, B and C, the one that works is C."; else 0.
char FinalChoice(std::string_view response);

// For a gold answer of words. "Evelyn has the greatest speed.", "Yes, since …": the words, then a comma or a verb, and nothing
// that denies them.
bool BeginsWithWords(std::string_view response, std::string_view words);
// "… the fastest is Evelyn.": its last sentence ends in the words and denies nothing.
bool EndsWithWords(std::string_view response, std::string_view words);

}  // namespace pith
