// What words mean in answers: functions, units, words that are no units.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pith {

std::string LowerCase(std::string_view text);
bool IsFunctionName(std::string_view name);  // sin, log, gcd, …

// A unit that conversion knows: 5 km is 5000 m. Factors are to one base unit per kind: "m", "g", "s", "l", "m^2" ….
struct KnownUnit {
  std::string kind;     // what it measures; only units of one kind can be converted
  int64_t numerator = 1, denominator = 1;
};
// `unit` as the parser normalises it: lower case words, "km", "square feet", "cm^2", "miles/hour". Nothing when unknown.
std::optional<KnownUnit> FindUnit(std::string_view unit);
bool IsTouchingUnit(std::string_view word);  // may stand right behind a number: 5cm
bool IsUnitWord(std::string_view word);      // a known unit of two letters or more
// Words that change what the number before them means ("thousand" aside), so they are no units.
bool IsNoUnit(std::string_view word);
std::string_view CurrencyOfCode(std::string_view code);  // USD 12, Rs. 12; else empty
int64_t ScaleWord(std::string_view word);    // thousand, million, billion, trillion, dozen; else 0
bool IsShortWord(std::string_view word);     // a short English word, not a product of variables

}  // namespace pith
