// The numbers of a step, and the file that keeps them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pith {

// A number per name, in the order in which they are written.
using Metrics = std::vector<std::pair<std::string, double>>;
std::optional<double> FindMetric(const Metrics& metrics, std::string_view name);

double WallTime();  // seconds since 1970

struct MetricsLine {
  int64_t step = 0;  // from 1
  Metrics metrics;   // numbers only: what JSON calls null was not finite
  std::string text;  // as it stands in the file, without the newline
};

// metrics.jsonl: an object per step, {"step": 1, …}; that of a step that ended the run before its time has "stopped", a sentence.
class MetricsFile {
 public:
  explicit MetricsFile(const std::string& path) : path_(path) {}
  // One line, whole in the file when this returns (but on disk only after Sync); the line without its newline. `stopped`: empty,
  // it was not.
  std::string Append(int64_t step, const Metrics& metrics, const std::string& stopped = "");
  void Sync() const;
  // The lines up to `step`. A last line that was cut off by a crash is dropped, other damage is a UserError.
  std::vector<MetricsLine> Until(int64_t step) const;
  // Replaces the file by these lines, in one go; leaves a missing file missing where there are none.
  void Rewrite(const std::vector<MetricsLine>& lines) const;

 private:
  std::string path_;
};

}  // namespace pith
