// Numbers as people write them, taken whole or not at all.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>

namespace pith {

// All of `text` as a decimal number: "12", "+12", "-3", for a double "2.5e-3" too. Nothing for any other text (an empty one,
// spaces, "0x10", "inf"), and for a number that T cannot hold.
template <class T>
std::optional<T> NumberFromText(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);  // from_chars knows no plus
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

}  // namespace pith
