// What words mean in answers: functions, scales, words that are no units.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace pith {

template <size_t N>
bool IsOneOf(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
std::string LowerCase(std::string_view text);
bool IsFunctionName(std::string_view name);  // sin, log, gcd, …

// Words that change what the number before them means ("thousand" aside), so they are no units.
bool IsNoUnit(std::string_view word);
std::string_view CurrencyOfCode(std::string_view code);  // USD 12, Rs. 12; else empty
int64_t ScaleWord(std::string_view word);    // thousand, million, billion, trillion, dozen; else 0
bool IsShortWord(std::string_view word);     // a short English word, not a product of variables

}  // namespace pith
