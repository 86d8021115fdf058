// Units of measure, and the words that may stand behind a number without changing it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pith {

class Question;

// A unit that conversion knows: 5 km is 5000 m. Factors are to one base unit per kind: "length" is in metres.
struct KnownUnit {
  std::string kind;  // what it measures, as powers of base kinds: "length^2", "length*mass/time^2"; only units of one kind can be converted
  int64_t numerator = 1, denominator = 1;
};
// `unit` as the parser normalises it: lower case words, products and quotients: "km", "square feet", "cm^2", "miles/hour", "m s^-2". Nothing when unknown.
std::optional<KnownUnit> FindUnit(std::string_view unit);
bool IsTouchingUnit(std::string_view word);  // may stand right behind a number: 5cm
bool IsUnitWord(std::string_view word);      // a known unit of two letters or more

bool IsCountedThing(std::string_view word);    // apple, students: one of a closed list
bool StandsBesideUnit(std::string_view word);  // per, each, red: changes nothing of a measure

// Whether everything in `unit` (as the parser normalises it) is a unit, a counted thing, a word beside them, or a word of the question or the gold answer.
bool IsKnownUnit(std::string_view unit, const Question& question);

}  // namespace pith
