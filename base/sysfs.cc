#include "base/sysfs.h"

#include <fstream>

#include "base/number_text.h"

namespace pith {

std::optional<std::string> FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<double> NumberIn(const std::string& path) {
  const auto line = FirstLine(path);
  return line ? NumberFromText<double>(*line) : std::nullopt;
}

}  // namespace pith
