#include "base/duration.h"

#include "base/error.h"
#include "base/number_text.h"

namespace pith {

double ParseDuration(const std::string& what, const std::string& text) {
  constexpr double kDay = 86400;
  const char unit = text.empty() ? '\0' : text.back();
  const double factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
  const auto number = factor > 0 ? NumberFromText<double>(text.substr(0, text.size() - 1)) : std::nullopt;
  if (!number || !(*number > 0) || *number * factor > kDay) {
    ThrowUser(what, ": got '", text, "', expected a time such as 30s, 10m or 2h, of a day at most");
  }
  return *number * factor;
}

}  // namespace pith
