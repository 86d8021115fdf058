// Lengths of time as people write them.
#pragma once

#include <string>

namespace pith {

// "30s", "1.5m", "2h" in seconds: more than nothing, and at most a day. UserError begins with `what`.
double ParseDuration(const std::string& what, const std::string& text);

}  // namespace pith
