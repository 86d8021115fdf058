// General categories and a few other properties of code points, at the level of Unicode 16 (which the pre-tokenizers'
// reference, Oniguruma 6.9.10, has): utf8proc's tables, with what the versions of that library differ in put right, so that
// the answers do not depend on the one at hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pith {

// A set of general categories, one bit for each, in utf8proc's order (Cn, Lu, Ll, Lt, Lm, Lo, Mn, …).
using CategoryMask = uint32_t;

// The bit of the code point's category; 0 for a negative value (a byte that is not UTF-8).
CategoryMask CategoryOf(int32_t code_point);

// The set that \p{name} stands for: a category ("Lu"), a group of them ("L"), or "Any"; 0 when there is none of that name.
CategoryMask CategoriesByName(std::string_view name);

inline constexpr CategoryMask kLetterMask = 0x3E;        // Lu Ll Lt Lm Lo
inline constexpr CategoryMask kMarkMask = 0x1C0;         // Mn Mc Me
inline constexpr CategoryMask kNumberMask = 0xE00;       // Nd Nl No
inline constexpr CategoryMask kPunctuationMask = 0x7F000;  // Pc Pd Ps Pe Pi Pf Po
inline constexpr CategoryMask kSymbolMask = 0x780000;    // Sm Sc Sk So

// \w: letters, marks, decimal digits, connectors, and further alphabetic characters (Roman numerals, circled letters).
bool IsWordCharacter(int32_t code_point);
bool IsAlphabetic(int32_t code_point);

int32_t LowerCase(int32_t code_point);  // simple mappings, one code point to one
int32_t UpperCase(int32_t code_point);
int32_t TitleCase(int32_t code_point);

// Assigned in Unicode 15 to 17: some versions of utf8proc know nothing of it. And a mark there.
bool IsSince14(int32_t code_point);
bool IsMarkSince14(int32_t code_point);

// UserError when utf8proc is older than the tables here can make up for; a warning, once, when it is younger than they know.
void CheckUnicode();
// The sentence for a utf8proc of this version of Unicode ("15.0.0"); empty: none is needed.
std::string UnicodeProblem(std::string_view version);

// Scripts that published patterns name: "Han", "Hiragana", "Katakana", "Hangul", "Thai", "Lao", "Khmer", "Myanmar".
bool HasScript(std::string_view name);
bool IsInScript(std::string_view name, int32_t code_point);

}  // namespace pith
