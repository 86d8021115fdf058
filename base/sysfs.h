// Files of one line, as Linux shows its devices in /sys.
#pragma once

#include <optional>
#include <string>

namespace pith {

std::optional<std::string> FirstLine(const std::string& path);   // nothing where it cannot be read
std::optional<double> NumberIn(const std::string& path);         // nothing where that line is no number

}  // namespace pith
