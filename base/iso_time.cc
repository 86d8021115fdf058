#include "base/iso_time.h"

#include <cstdio>

namespace pith {

std::optional<std::tm> ParseIsoTime(const std::string& text) {
  std::tm parts{};
  int used = 0;
  const int fields = std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &used);
  bool good = fields == 3;
  if (good && used < static_cast<int>(text.size())) {
    int more = 0;
    good = (text[used] == 'T' || text[used] == ' ') &&
           std::sscanf(text.c_str() + used + 1, "%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &more) == 2;
    used += 1 + more;
    if (good && used < static_cast<int>(text.size())) {
      good = std::sscanf(text.c_str() + used, ":%2d%n", &parts.tm_sec, &more) == 1;
      used += more;
      if (good && used < static_cast<int>(text.size())) good = text[used] == '.' || text[used] == 'Z';
    }
  }
  good = good && parts.tm_year >= 1900 && parts.tm_mon >= 1 && parts.tm_mon <= 12 && parts.tm_mday >= 1 &&
         parts.tm_mday <= 31 && parts.tm_hour >= 0 && parts.tm_hour < 24 && parts.tm_min >= 0 && parts.tm_min < 60 &&
         parts.tm_sec >= 0 && parts.tm_sec < 61;
  if (!good) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  parts.tm_isdst = -1;
  // Weekday and day of the year follow from the date; noon UTC keeps them clear of any time zone.
  std::tm day = parts;
  day.tm_hour = 12;
  timegm(&day);
  if (day.tm_mday != parts.tm_mday) return std::nullopt;  // 30 February
  parts.tm_wday = day.tm_wday;
  parts.tm_yday = day.tm_yday;
  return parts;
}

std::string IsoTime(const std::tm& time) {
  char text[80];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour,
                time.tm_min, time.tm_sec);
  return text;
}

std::tm LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  return parts;
}

}  // namespace pith
