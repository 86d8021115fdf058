#include "base/sysfs.h"

#include "base/error.h"
#include "base/file.h"
#include "base/number_text.h"

namespace pith {

std::optional<std::string> FirstLine(const std::string& path) {
  try {
    const std::string text = FileExists(path) ? ReadFile(path, /*max_bytes=*/1 << 20) : "";
    if (text.empty()) return std::nullopt;
    return text.substr(0, text.find('\n'));
  } catch (const UserError&) {
    return std::nullopt;
  }
}

std::optional<double> NumberIn(const std::string& path) {
  const auto line = FirstLine(path);
  return line ? NumberFromText<double>(*line) : std::nullopt;
}

}  // namespace pith
