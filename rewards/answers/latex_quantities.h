// The macros of siunitx and its kin, private to this folder.
#pragma once

#include <string>
#include <string_view>

namespace pith {

// \num{1024} → 1024; \qty{5}{\meter\per\second}, \SI{5}{m/s} → 5\text{ meter/second}, 5\text{ m/s}; \ang{30} → 30^\circ; \unit{…}, \si{…} → \text{ …}; \pu{9.8 m/s^2} → 9.8 m/s^2.
// A line's end inside of braces becomes a space.
std::string PlainQuantities(std::string_view text);

}  // namespace pith
