// Which numbers a setting or an option may have, in words and as a predicate; and texts read as such numbers.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/number_text.h"

namespace pith {

struct NumberRule {
  std::string words;  // "at least 1"; empty: any number of its type
  std::function<bool(double)> holds;
};

NumberRule AnyNumber();
NumberRule AtLeast(double low);
NumberRule Above(double low);
NumberRule Between(double low, double high);      // both ends allowed
NumberRule FromBelow(double low, double high);    // low allowed, high not
NumberRule AboveUpTo(double low, double high);    // high allowed, low not

// `noun` and what the rule asks of it: "an integer from 1 to 4096", "a number of at least 0".
std::string NumberWords(const std::string& noun, const std::string& rule_words);

// The same for a T. An integer that the rule leaves free has the range of its type.
template <class T>
std::string NumberWords(const NumberRule& rule) {
  if constexpr (std::is_floating_point_v<T>) return NumberWords("a number", rule.words);
  if (!rule.words.empty()) return NumberWords("an integer", rule.words);
  return Str("an integer from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max());
}

// All of `text` as a number that the rule allows. UserError: "WHAT: got 'abc', expected an integer from 1 to 4096".
template <class T>
T ParseNumber(const std::string& what, const std::string& text, const NumberRule& rule) {
  const std::optional<T> value = NumberFromText<T>(text);
  if (!value || !rule.holds(static_cast<double>(*value))) ThrowUser(what, ": got '", text, "', expected ", NumberWords<T>(rule));
  return *value;
}

// "1,2,3": at least one number.
template <class T>
std::vector<T> ParseNumbers(const std::string& what, const std::string& text, const NumberRule& rule) {
  std::vector<T> numbers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    numbers.push_back(ParseNumber<T>(what, text.substr(begin, end - begin), rule));
    begin = end + 1;
  }
  return numbers;
}

}  // namespace pith
