#include "rewards/math/units.h"

#include <algorithm>
#include <array>
#include <map>

#include "rewards/math/ascii.h"
#include "rewards/math/question.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

struct UnitRow {
  std::string_view name, kind;
  int64_t numerator, denominator;
};

// Exact by definition (the inch is 2.54 cm, the pound 0.45359237 kg). A kind may be made of others: force is mass*length/time^2.
constexpr auto kUnits = std::to_array<UnitRow>({
    {"m", "length", 1, 1}, {"meter", "length", 1, 1}, {"metre", "length", 1, 1}, {"in", "length", 254, 10000}, {"inch", "length", 254, 10000},
    {"inche", "length", 254, 10000}, {"ft", "length", 3048, 10000}, {"foot", "length", 3048, 10000}, {"feet", "length", 3048, 10000},
    {"yd", "length", 9144, 10000}, {"yard", "length", 9144, 10000}, {"mi", "length", 1609344, 1000}, {"mile", "length", 1609344, 1000},
    {"micron", "length", 1, 1000000}, {"å", "length", 1, 10000000000},
    {"g", "mass", 1, 1}, {"gram", "mass", 1, 1}, {"gm", "mass", 1, 1}, {"gramme", "mass", 1, 1}, {"lb", "mass", 45359237, 100000},
    {"pound", "mass", 45359237, 100000}, {"oz", "mass", 45359237, 1600000}, {"ounce", "mass", 45359237, 1600000}, {"ton", "ton", 1, 1},
    {"tonne", "mass", 1000000, 1}, {"kilo", "mass", 1000, 1}, {"kgs", "mass", 1000, 1},
    {"s", "time", 1, 1}, {"sec", "time", 1, 1}, {"second", "time", 1, 1}, {"min", "time", 60, 1}, {"minute", "time", 60, 1}, {"h", "time", 3600, 1},
    {"hr", "time", 3600, 1}, {"hour", "time", 3600, 1}, {"day", "time", 86400, 1}, {"week", "time", 604800, 1},
    {"month", "month", 1, 1}, {"year", "month", 12, 1}, {"yr", "month", 12, 1}, {"decade", "month", 120, 1}, {"century", "month", 1200, 1},
    {"l", "length^3", 1, 1000}, {"liter", "length^3", 1, 1000}, {"litre", "length^3", 1, 1000}, {"cc", "length^3", 1, 1000000},
    {"gallon", "gallon", 1, 1}, {"quart", "gallon", 1, 4}, {"pint", "gallon", 1, 8}, {"hectare", "length^2", 10000, 1}, {"acre", "acre", 1, 1},
    {"$", "usd", 100, 1}, {"dollar", "usd", 100, 1}, {"usd", "usd", 100, 1}, {"buck", "usd", 100, 1}, {"cent", "usd", 1, 1}, {"¢", "usd", 1, 1},
    {"€", "eur", 100, 1}, {"euro", "eur", 100, 1}, {"eur", "eur", 100, 1}, {"£", "gbp", 100, 1}, {"gbp", "gbp", 100, 1},
    {"¥", "jpy", 1, 1}, {"yen", "jpy", 1, 1}, {"₹", "inr", 1, 1}, {"rupee", "inr", 1, 1}, {"peso", "peso", 1, 1}, {"yuan", "yuan", 1, 1},
    {"degree", "angle", 1, 1}, {"deg", "angle", 1, 1}, {"°", "angle", 1, 1}, {"radian", "radian", 1, 1}, {"rad", "radian", 1, 1},
    {"°c", "celsius", 1, 1}, {"°f", "fahrenheit", 1, 1}, {"k", "kelvin", 1, 1}, {"kelvin", "kelvin", 1, 1},
    {"mph", "length/time", 1609344, 3600000}, {"kph", "length/time", 1000, 3600}, {"kmh", "length/time", 1000, 3600}, {"knot", "knot", 1, 1},
    {"b", "byte", 1, 1}, {"byte", "byte", 1, 1}, {"bit", "byte", 1, 8}, {"unit", "unit", 1, 1},
    {"n", "length*mass/time^2", 1000, 1}, {"newton", "length*mass/time^2", 1000, 1},
    {"j", "length^2*mass/time^2", 1000, 1}, {"joule", "length^2*mass/time^2", 1000, 1},
    {"w", "length^2*mass/time^3", 1000, 1}, {"watt", "length^2*mass/time^3", 1000, 1},
    {"pa", "mass/length/time^2", 1000, 1}, {"pascal", "mass/length/time^2", 1000, 1},
    {"hz", "1/time", 1, 1}, {"hertz", "1/time", 1, 1}, {"v", "volt", 1, 1}, {"volt", "volt", 1, 1}, {"amp", "ampere", 1, 1}, {"ampere", "ampere", 1, 1},
    {"Ω", "ohm", 1, 1}, {"ohm", "ohm", 1, 1}, {"mol", "mole", 1, 1}, {"mole", "mole", 1, 1}, {"cal", "calorie", 1, 1}, {"calorie", "calorie", 1, 1},
    {"t", "tesla", 1, 1}, {"tesla", "tesla", 1, 1}, {"c", "coulomb", 1, 1}, {"coulomb", "coulomb", 1, 1}, {"ev", "electronvolt", 1, 1}, {"erg", "length^2*mass/time^2", 1, 10000}, {"dyne", "length*mass/time^2", 1, 100}, {"atm", "atm", 1, 1},
});

// Of the International System. Symbols go with symbols, words with words.
struct Prefix {
  std::string_view symbol, word;
  int64_t numerator, denominator;
};
constexpr auto kPrefixes = std::to_array<Prefix>({
    {"k", "kilo", 1000, 1}, {"c", "centi", 1, 100}, {"m", "milli", 1, 1000}, {"M", "mega", 1000000, 1}, {"G", "giga", 1000000000, 1},
    {"μ", "micro", 1, 1000000}, {"u", "micro", 1, 1000000}, {"n", "nano", 1, 1000000000}, {"d", "deci", 1, 10}, {"h", "hecto", 100, 1},
});
constexpr std::array<std::string_view, 13> kPrefixedSymbols = {"m", "g", "s", "l", "w", "j", "n", "pa", "hz", "Ω", "b", "mol", "cal"};
constexpr std::array<std::string_view, 20> kPrefixedWords = {"meter", "metre", "gram", "gramme", "second", "liter", "litre", "watt", "joule", "newton",
                                                              "volt", "pascal", "hertz", "ohm", "byte", "bit", "mole", "calorie", "amp", "ampere"};

constexpr std::array<std::string_view, 27> kTouching = {"cm", "mm", "km",  "kg",   "mg",  "ml",   "lb",  "lbs", "oz",
                                                        "ft", "in", "hr",  "hrs",  "min", "mins", "sec", "secs", "mph",
                                                        "usd", "st", "nd", "rd",   "th",  "gb",   "mb",  "kb",  "kph"};

bool Multiply(int64_t* value, int64_t factor) { return !__builtin_mul_overflow(*value, factor, value); }

struct Scale {
  std::string_view kind;
  int64_t numerator, denominator;
};

std::optional<Scale> FindRow(std::string_view name) {
  for (const UnitRow& row : kUnits) {
    if (row.name == name) return Scale{row.kind, row.numerator, row.denominator};
  }
  if (name == "mb" || name == "gb") return Scale{"byte", name == "mb" ? 1000000 : 1000000000, 1};  // without their capitals
  for (const Prefix& prefix : kPrefixes) {
    for (const bool word : {false, true}) {
      const std::string_view front = word ? prefix.word : prefix.symbol;
      if (!name.starts_with(front)) continue;
      const std::string_view rest = name.substr(front.size());
      if (word ? !IsOneOf(rest, kPrefixedWords) : !IsOneOf(rest, kPrefixedSymbols)) continue;
      const auto row = FindRow(rest);
      Scale scaled = *row;
      if (Multiply(&scaled.numerator, prefix.numerator) && Multiply(&scaled.denominator, prefix.denominator)) return scaled;
    }
  }
  if (name.size() > 2 && name.back() == 's') return FindRow(name.substr(0, name.size() - 1));
  return std::nullopt;
}

using Powers = std::map<std::string, int, std::less<>>;

// "length*mass/time^2" to the `power`.
bool AddKind(std::string_view kind, int power, Powers* powers) {
  int sign = 1;
  while (!kind.empty()) {
    const size_t end = std::min(kind.find_first_of("*/"), kind.size());
    std::string_view factor = kind.substr(0, end);
    int own = 1;
    if (factor.size() > 2 && factor[factor.size() - 2] == '^') {
      own = factor.back() - '0';
      factor.remove_suffix(2);
    }
    if (factor != "1") (*powers)[std::string(factor)] += sign * own * power;
    if (end == kind.size()) break;
    sign = kind[end] == '/' ? -1 : 1;
    kind.remove_prefix(end + 1);
  }
  return std::all_of(powers->begin(), powers->end(), [](const auto& p) { return p.second >= -9 && p.second <= 9; });
}

std::string KindOf(const Powers& powers) {
  std::string top, bottom;
  for (const auto& [kind, power] : powers) {
    if (power == 0) continue;
    const std::string factor = kind + (power == 1 || power == -1 ? "" : "^" + std::to_string(std::abs(power)));
    if (power > 0) top += (top.empty() ? "" : "*") + factor;
    else bottom += "/" + factor;
  }
  return (top.empty() ? "1" : top) + bottom;
}

// "cm^2", "s^-1": the name and its power; power 0: not written as one digit.
int TakePower(std::string_view* factor) {
  const size_t caret = factor->find('^');
  if (caret == std::string_view::npos) return 1;
  std::string_view digits = factor->substr(caret + 1);
  *factor = factor->substr(0, caret);
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.size() != 1 || !IsAsciiDigit(digits[0])) return 0;
  return (negative ? -1 : 1) * (digits[0] - '0');
}

}  // namespace

std::optional<KnownUnit> FindUnit(std::string_view unit) {
  if (unit.empty()) return std::nullopt;
  KnownUnit result;
  Powers powers;
  int side = 1, next_power = 1, count = 0;
  while (!unit.empty()) {
    const size_t end = std::min(unit.find_first_of(" */"), unit.size());
    std::string_view factor = unit.substr(0, end);
    const char sign = end < unit.size() ? unit[end] : ' ';
    unit.remove_prefix(std::min(end + 1, unit.size()));
    if (factor == "square" || factor == "sq") next_power = 2;
    else if (factor == "cubic" || factor == "cu") next_power = 3;
    else if (!factor.empty()) {
      const int written = TakePower(&factor);
      const auto row = FindRow(factor);
      if (!row || written == 0 || ++count > 8) return std::nullopt;
      const int power = side * written * next_power;
      next_power = 1;
      if (!AddKind(row->kind, power, &powers)) return std::nullopt;
      for (int i = 0; i < std::abs(power); ++i) {
        const bool top = power > 0;
        if (!Multiply(&result.numerator, top ? row->numerator : row->denominator)) return std::nullopt;
        if (!Multiply(&result.denominator, top ? row->denominator : row->numerator)) return std::nullopt;
      }
    }
    if (sign == '/') side = -1;
    else if (sign == '*') side = 1;
  }
  if (count == 0) return std::nullopt;
  result.kind = KindOf(powers);
  return result;
}

bool IsTouchingUnit(std::string_view word) { return IsOneOf(word, kTouching); }
bool IsUnitWord(std::string_view word) {
  // Of two letters, those that are no products of variables (mv, ns).
  constexpr std::array<std::string_view, 22> kTwo = {"in", "ft", "yd", "mi", "lb", "oz", "hr", "yr", "gm", "cc", "cm", "mm", "km", "kg", "mg", "ml", "kb", "mb", "gb", "kj", "kn", "kw"};
  if (word.size() <= 2) return IsOneOf(word, kTwo);
  return FindRow(word).has_value();
}

bool IsKnownUnit(std::string_view unit, const Question& question) {
  if (FindUnit(unit)) return true;
  while (!unit.empty()) {
    const size_t end = std::min(unit.find_first_of(" */-"), unit.size());
    std::string_view word = unit.substr(0, end);
    unit.remove_prefix(std::min(end + 1, unit.size()));
    word = word.substr(0, word.find('^'));
    if (word.empty()) continue;
    const bool known = FindRow(word) || IsCountedThing(word) || StandsBesideUnit(word) || question.Has(word) || word == "square" ||
                       word == "cubic" || word == "sq" || word == "cu";
    if (!known) return false;
  }
  return true;
}

}  // namespace pith
