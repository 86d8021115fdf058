#include "base/number_rule.h"

#include <cmath>
#include <cstdint>

namespace pith {
namespace {

std::string Shown(double value) {
  if (std::abs(value) < 1e15 && value == std::floor(value)) return Str(static_cast<int64_t>(value));  // not 1e+09
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  PITH_CHECK(error == std::errc(), value);
  return std::string(buffer, end);
}

}  // namespace

NumberRule AnyNumber() {
  return {"", [](double) { return true; }};
}
NumberRule AtLeast(double low) {
  return {"at least " + Shown(low), [=](double x) { return x >= low; }};
}
NumberRule Above(double low) {
  return {"more than " + Shown(low), [=](double x) { return x > low; }};
}
NumberRule Between(double low, double high) {
  return {Str("from ", Shown(low), " to ", Shown(high)), [=](double x) { return x >= low && x <= high; }};
}
NumberRule FromBelow(double low, double high) {
  return {Str("at least ", Shown(low), " and less than ", Shown(high)), [=](double x) { return x >= low && x < high; }};
}
NumberRule AboveUpTo(double low, double high) {
  return {Str("more than ", Shown(low), " and at most ", Shown(high)), [=](double x) { return x > low && x <= high; }};
}

std::string NumberWords(const std::string& noun, const std::string& rule_words) {
  if (rule_words.empty()) return noun;
  if (rule_words[0] >= '0' && rule_words[0] <= '9') return rule_words;  // "0, or more than 1"
  return noun + (rule_words.starts_with("at least") ? " of " : " ") + rule_words;
}

}  // namespace pith
