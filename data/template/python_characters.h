// What Python's str knows of characters: its predicates and case mappings, which are Unicode's own (derived properties and full
// mappings, SpecialCasing.txt included), where utf8proc has general categories and simple mappings. Compared for every code
// point that Python 3.11 (Unicode 14) knows; younger ones are as utf8proc has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pith {

// Of one code point; false for a negative one (a byte that is not UTF-8).
bool IsPythonAlpha(int32_t c);
bool IsPythonDecimal(int32_t c);        // digits of a positional system
bool IsPythonDigit(int32_t c);          // and ², ①, …
bool IsPythonNumeric(int32_t c);        // and ½, Ⅷ, 五, …
bool IsPythonAlnum(int32_t c);          // any of the four; \w of Python's re, but for '_'
bool IsPythonLower(int32_t c);
bool IsPythonUpper(int32_t c);
bool IsPythonTitle(int32_t c);          // ǅ
bool IsPythonCased(int32_t c);          // one of these three
bool IsPythonCaseIgnorable(int32_t c);  // has no part in casing: marks, the apostrophe, …
bool IsPythonPrintable(int32_t c);
bool IsPythonIdentifierStart(int32_t c);
bool IsPythonIdentifierPart(int32_t c);  // may follow the start
int PythonDecimalValue(int32_t c);       // 0 to 9; −1: not decimal

// Of whole texts; bytes that are not UTF-8 stay as they are.
std::string PythonUpper(std::string_view text);
std::string PythonLower(std::string_view text);  // Σ at a word's end becomes ς
std::string PythonCapitalize(std::string_view text);
std::string PythonTitle(std::string_view text);
std::string PythonSwapCase(std::string_view text);
std::string PythonCaseFold(std::string_view text);
// str.islower and str.isupper: there is a character of the `wanted` case, and none of another.
bool PythonIsOfCase(std::string_view text, bool (*wanted)(int32_t));

}  // namespace pith
