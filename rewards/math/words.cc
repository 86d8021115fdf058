#include "rewards/math/words.h"

#include <algorithm>
#include <array>

namespace pith {
namespace {

template <size_t N>
bool IsOneOf(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 38> kFunctions = {
    "sin",    "cos",    "tan",    "sec",    "csc",    "cot",    "arcsin", "arccos", "arctan", "sinh",  "cosh",  "tanh", "log",
    "ln",     "lg",     "exp",    "sqrt",   "abs",    "floor",  "ceil",   "gcd",    "lcm",    "max",   "min",   "det",  "cis",
    "asin",   "acos",   "atan",   "cbrt",   "binom",  "arccot", "arcsec", "arccsc", "coth",   "sech",  "csch",  "sgn"};

struct UnitRow {
  std::string_view name, kind;
  int64_t numerator, denominator;
};

// Exact by definition (the inch is 2.54 cm, the pound 0.45359237 kg).
constexpr std::array<UnitRow, 90> kUnits = {{
    {"m", "length", 1, 1}, {"meter", "length", 1, 1}, {"metre", "length", 1, 1}, {"cm", "length", 1, 100},
    {"centimeter", "length", 1, 100}, {"centimetre", "length", 1, 100}, {"mm", "length", 1, 1000},
    {"millimeter", "length", 1, 1000}, {"km", "length", 1000, 1}, {"kilometer", "length", 1000, 1},
    {"kilometre", "length", 1000, 1}, {"in", "length", 254, 10000}, {"inch", "length", 254, 10000}, {"inche", "length", 254, 10000},
    {"ft", "length", 3048, 10000}, {"foot", "length", 3048, 10000}, {"feet", "length", 3048, 10000},
    {"yd", "length", 9144, 10000}, {"yard", "length", 9144, 10000}, {"mi", "length", 1609344, 1000},
    {"mile", "length", 1609344, 1000}, {"g", "mass", 1, 1}, {"gram", "mass", 1, 1}, {"kg", "mass", 1000, 1},
    {"kilogram", "mass", 1000, 1}, {"mg", "mass", 1, 1000}, {"milligram", "mass", 1, 1000},
    {"lb", "mass", 45359237, 100000}, {"pound", "mass", 45359237, 100000}, {"oz", "mass", 45359237, 1600000},
    {"ounce", "mass", 45359237, 1600000}, {"ton", "ton", 1, 1}, {"tonne", "mass", 1000000, 1}, {"s", "time", 1, 1},
    {"sec", "time", 1, 1}, {"second", "time", 1, 1}, {"min", "time", 60, 1}, {"minute", "time", 60, 1}, {"h", "time", 3600, 1},
    {"hr", "time", 3600, 1}, {"hour", "time", 3600, 1}, {"day", "time", 86400, 1}, {"week", "time", 604800, 1},
    {"month", "month", 1, 1}, {"year", "month", 12, 1}, {"yr", "month", 12, 1}, {"l", "volume", 1, 1}, {"liter", "volume", 1, 1},
    {"litre", "volume", 1, 1}, {"ml", "volume", 1, 1000}, {"milliliter", "volume", 1, 1000}, {"$", "usd", 100, 1},
    {"dollar", "usd", 100, 1}, {"usd", "usd", 100, 1}, {"cent", "usd", 1, 1}, {"¢", "usd", 1, 1}, {"€", "eur", 100, 1}, {"euro", "eur", 100, 1},
    {"eur", "eur", 100, 1}, {"£", "gbp", 100, 1}, {"gbp", "gbp", 100, 1}, {"¥", "jpy", 1, 1}, {"yen", "jpy", 1, 1},
    {"₹", "inr", 1, 1}, {"rupee", "inr", 1, 1}, {"degree", "angle", 1, 1}, {"deg", "angle", 1, 1}, {"°", "angle", 1, 1},
    {"mph", "length/time", 1609344, 3600000}, {"kph", "length/time", 1000, 3600}, {"°c", "celsius", 1, 1}, {"°f", "fahrenheit", 1, 1},
    {"radian", "radian", 1, 1}, {"rad", "radian", 1, 1}, {"kb", "kb", 1, 1}, {"mb", "kb", 1000, 1}, {"gb", "kb", 1000000, 1}, {"gallon", "gallon", 1, 1},
    {"unit", "unit", 1, 1}, {"j", "energy", 1, 1}, {"joule", "energy", 1, 1}, {"kj", "energy", 1000, 1}, {"kilojoule", "energy", 1000, 1},
    {"n", "force", 1, 1}, {"newton", "force", 1, 1}, {"kn", "force", 1000, 1}, {"w", "power", 1, 1}, {"watt", "power", 1, 1},
    {"kw", "power", 1000, 1}, {"kilowatt", "power", 1000, 1},
}};

constexpr std::array<std::string_view, 37> kNoUnits = {
    "and",   "or",    "to",        "half", "third", "quarter", "quarters", "thirds", "plus", "minus", "times", "over", "by",
    "pi",    "sqrt",  "log",       "ln",   "sin",   "cos",     "tan",      "mod",    "base", "remainder", "if", "not", "out",
    "of",    "squared", "cubed",   "factorial", "when", "where", "since",  "because", "but", "is",    "are"};
constexpr std::array<std::string_view, 27> kTouching = {"cm", "mm", "km",  "kg",   "mg",  "ml",   "lb",  "lbs", "oz",
                                                        "ft", "in", "hr",  "hrs",  "min", "mins", "sec", "secs", "mph",
                                                        "usd", "st", "nd", "rd",   "th",  "gb",   "mb",  "kb",  "kph"};
constexpr std::array<std::string_view, 29> kShortWords = {"pct", "sq", "yes", "odd", "even", "true", "none", "no", "on", "is", "it", "in", "at", "an", "as", "am", "pm", "of",
                                                          "or", "to", "if", "by", "we", "so", "up", "he", "me", "us", "do"};

const UnitRow* FindRow(std::string_view name) {
  for (const UnitRow& row : kUnits) {
    if (row.name == name) return &row;
  }
  if (name.size() > 2 && name.back() == 's') return FindRow(name.substr(0, name.size() - 1));
  return nullptr;
}

bool Multiply(int64_t* value, int64_t factor) { return !__builtin_mul_overflow(*value, factor, value); }

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsFunctionName(std::string_view name) { return IsOneOf(name, kFunctions); }

std::optional<KnownUnit> FindUnit(std::string_view unit) {
  const size_t slash = unit.find('/');
  if (slash != std::string_view::npos) {
    const auto top = FindUnit(unit.substr(0, slash)), bottom = FindUnit(unit.substr(slash + 1));
    if (!top || !bottom) return std::nullopt;
    KnownUnit result{top->kind + "/" + bottom->kind, top->numerator, top->denominator};
    if (!Multiply(&result.numerator, bottom->denominator) || !Multiply(&result.denominator, bottom->numerator)) return std::nullopt;
    return result;
  }
  int power = 1;
  if (unit.starts_with("square ") || unit.starts_with("sq ")) {
    power = 2;
    unit.remove_prefix(unit.find(' ') + 1);
  } else if (unit.starts_with("cubic ")) {
    power = 3;
    unit.remove_prefix(6);
  } else if (unit.ends_with("^2") || unit.ends_with("^3")) {
    power = unit.back() - '0';
    unit.remove_suffix(2);
  }
  const UnitRow* row = FindRow(unit);
  if (row == nullptr) return std::nullopt;
  KnownUnit result{std::string(row->kind), row->numerator, row->denominator};
  if (power > 1) result.kind += power == 2 ? "^2" : "^3";
  for (int i = 1; i < power; ++i) {
    if (!Multiply(&result.numerator, row->numerator) || !Multiply(&result.denominator, row->denominator)) return std::nullopt;
  }
  return result;
}

bool IsTouchingUnit(std::string_view word) { return IsOneOf(word, kTouching); }
bool IsUnitWord(std::string_view word) { return word.size() >= 2 && FindRow(word) != nullptr; }
bool IsNoUnit(std::string_view word) { return IsOneOf(word, kNoUnits); }
bool IsShortWord(std::string_view word) { return IsOneOf(word, kShortWords); }

std::string_view CurrencyOfCode(std::string_view code) {
  if (code == "USD") return "$";
  if (code == "EUR") return "€";
  if (code == "GBP") return "£";
  if (code == "INR" || code == "Rs") return "₹";
  return {};
}

int64_t ScaleWord(std::string_view word) {
  if (word == "hundred") return 100;
  if (word == "thousand") return 1000;
  if (word == "million") return 1000000;
  if (word == "billion") return 1000000000;
  if (word == "trillion") return 1000000000000;
  if (word == "dozen" || word == "dozens") return 12;
  return 0;
}

}  // namespace pith
