// A moment as people write it: 2024-07-26T10:00:00, in no time zone.
#pragma once

#include <ctime>
#include <optional>
#include <string>

namespace pith {

// "2024-07-26", "2024-07-26T10:00" or "2024-07-26T10:00:00" (a space instead of T; fractions and Z are dropped), from 1900 on, with the
// weekday and the day of the year filled in. Nothing when it is none of these.
std::optional<std::tm> ParseIsoTime(const std::string& text);
std::string IsoTime(const std::tm& time);  // 2024-07-26T10:00:00
std::tm LocalTime();                       // now, here

}  // namespace pith
