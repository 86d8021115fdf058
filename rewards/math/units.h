// Units of measure, and the words that may stand behind a number without changing it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace pith {

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

// The words of a question and its gold answer, which may stand behind a number as its unit. Looked up when one is asked for; not thread-safe.
class KnownWords {
 public:
  KnownWords(std::string_view question, std::string_view gold) : question_(question), gold_(gold) {}
  std::string_view question() const { return question_; }
  bool Has(std::string_view word) const;  // lower case; a plural's s is read over
  bool OffersChoices() const;             // the question lists (A) and (B)
  bool AsksForRounding() const;           // or for a decimal
  std::string AskedThing() const;         // "hour" of "How many hours …?", the last such; empty: none
  bool AsksHowMany(std::string_view thing) const { return !AskedThing().empty() && (thing.empty() || AskedThing() == thing); }

 private:
  std::string_view question_, gold_;
  mutable std::optional<std::set<std::string, std::less<>>> words_;
};
// Whether everything in `unit` (as the parser normalises it) is a unit, a counted thing, a word beside them, or one of `words`.
bool IsKnownUnit(std::string_view unit, const KnownWords& words);

}  // namespace pith
