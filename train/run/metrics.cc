#include "train/run/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace pith {

std::optional<double> FindMetric(const Metrics& metrics, std::string_view name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  return std::nullopt;
}

double WallTime() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string MetricsFile::Append(int64_t step, const Metrics& metrics, const std::string& stopped) {
  nlohmann::ordered_json line = {{"step", step}};
  for (const auto& [name, value] : metrics) line[name] = value;
  if (!stopped.empty()) line["stopped"] = stopped;
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  AppendToFile(path_, text + "\n");
  return text;
}

void MetricsFile::Sync() const {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // no step yet
  const bool synced = fsync(fd) == 0;
  const std::string reason = std::strerror(errno);
  close(fd);
  if (!synced) ThrowUser("cannot write '", path_, "': ", reason);
}

std::vector<MetricsLine> MetricsFile::Until(int64_t step) const {
  std::vector<MetricsLine> kept;
  if (!FileExists(path_)) return kept;
  std::istringstream in(ReadFile(path_));
  std::string text;
  for (int64_t number = 1; std::getline(in, text); ++number) {
    const auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
    if (parsed.is_object() && parsed.contains("step") && parsed["step"].is_number_integer()) {
      MetricsLine line = {parsed["step"].get<int64_t>(), {}, text};
      if (line.step > step) continue;
      for (const auto& [name, value] : parsed.items()) {
        if (name != "step" && value.is_number()) line.metrics.emplace_back(name, value.get<double>());
      }
      kept.push_back(std::move(line));
    } else if (!in.eof()) {  // a newline stands behind it
      ThrowUser(path_, ":", number, ": not a line of metrics with a step; remove it to resume");
    }
  }
  return kept;
}

void MetricsFile::Rewrite(const std::vector<MetricsLine>& lines) const {
  if (lines.empty() && !FileExists(path_)) return;
  AtomicFile file(path_);
  for (const MetricsLine& line : lines) file.Write(line.text + "\n");
  file.Commit();
}

}  // namespace pith
