#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr std::array<std::string_view, 38> kFunctions = {
    "sin",    "cos",    "tan",    "sec",    "csc",    "cot",    "arcsin", "arccos", "arctan", "sinh",  "cosh",  "tanh", "log",
    "ln",     "lg",     "exp",    "sqrt",   "abs",    "floor",  "ceil",   "gcd",    "lcm",    "max",   "min",   "det",  "cis",
    "asin",   "acos",   "atan",   "cbrt",   "binom",  "arccot", "arcsec", "arccsc", "coth",   "sech",  "csch",  "sgn"};

constexpr std::array<std::string_view, 37> kNoUnits = {
    "and",   "or",    "to",        "half", "third", "quarter", "quarters", "thirds", "plus", "minus", "times", "over", "by",
    "pi",    "sqrt",  "log",       "ln",   "sin",   "cos",     "tan",      "mod",    "base", "remainder", "if", "not", "out",
    "of",    "squared", "cubed",   "factorial", "when", "where", "since",  "because", "but", "is",    "are"};
constexpr std::array<std::string_view, 29> kShortWords = {"pct", "sq", "yes", "odd", "even", "true", "none", "no", "on", "is", "it", "in", "at", "an", "as", "am", "pm", "of",
                                                          "or", "to", "if", "by", "we", "so", "up", "he", "me", "us", "do"};

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsFunctionName(std::string_view name) { return IsOneOf(name, kFunctions); }

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
