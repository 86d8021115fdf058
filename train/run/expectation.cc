#include "train/run/expectation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "configs/load.h"

namespace pith {
namespace {

constexpr double kDeviations = 4;
constexpr double kRounding = 1e-6;  // of the mean: seeds that all give one value differ by it elsewhere

// "rl.steps" → "24", from the resolved configuration.
std::map<std::string, std::string> SettingsByPath(const TrainConfig& config) {
  std::istringstream in(DumpTrainConfig(config));
  std::map<std::string, std::string> settings;
  std::string section, line;
  while (std::getline(in, line)) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const bool inside = line.starts_with("  ");
    if (!inside) section.clear();
    const std::string key = inside ? line.substr(2, colon - 2) : line.substr(0, colon);
    if (!inside && colon + 1 == line.size()) {
      section = key + ".";
    } else {
      settings[section + key] = line.substr(std::min(line.size(), colon + 2));
    }
  }
  return settings;
}

}  // namespace

std::string ExpectationPath(const std::string& config_path) {
  const std::string stem = config_path.ends_with(".yaml") ? config_path.substr(0, config_path.size() - 5) : config_path;
  const std::string path = stem + ".expect.json";
  if (!FileExists(path)) {
    ThrowUser("--expect: there is no '", path, "' to compare this run with; make it with python3 configs/expect.py ", config_path, ", or leave --expect away");
  }
  return path;
}

Expectation::Expectation(const std::string& path, const TrainConfig& config) : path_(path) {
  try {
    const auto file = nlohmann::json::parse(ReadFile(path));
    num_seeds_ = file.at("seeds").size();
    window_ = file.at("window").get<int64_t>();
    for (const auto& [name, points] : file.at("curves").items()) {
      Curve& curve = curves_[name];
      double squares = 0;
      for (const auto& point : points) {
        const Point p = {point.at("mean").get<double>(), point.at("deviation").get<double>()};
        curve.points[point.at("step").get<int64_t>()] = p;
        squares += p.deviation * p.deviation;
      }
      curve.pooled = std::sqrt(squares / static_cast<double>(std::max<size_t>(1, curve.points.size())));
    }
    if (num_seeds_ < 2 || window_ < 1 || curves_.empty()) throw std::runtime_error("");
    CompareSettings(file.at("config").get<std::map<std::string, std::string>>(), config);
  } catch (const std::exception&) {
    ThrowUser("'", path, "' is no expected curve of at least two seeds; make it anew with configs/expect.py");
  }
}

// A setting that the file does not name is newer than the file, and has its default.
void Expectation::CompareSettings(const std::map<std::string, std::string>& expected, const TrainConfig& config) const {
  const std::map<std::string, std::string> settings = SettingsByPath(config);
  for (const auto& [key, value] : expected) {
    const auto found = settings.find(key);
    if (found != settings.end() && found->second == value) continue;
    LogWarning(Str("--expect: ", key, " is ", found == settings.end() ? "without effect here" : found->second, ", while the expected curve was made with ", value,
                   "; the run is compared with it all the same"));
  }
}

void Expectation::Observe(int64_t step, const Metrics& metrics) {
  for (auto& [name, curve] : curves_) {
    if (const auto value = FindMetric(metrics, name)) {
      curve.sum += *value;
      ++curve.steps;
    }
    if (step % window_ != 0) continue;
    const auto point = curve.points.find(step);
    const double mean = curve.sum / curve.steps;
    const bool measured = curve.steps > 0;
    curve.sum = curve.steps = 0;
    if (point == curve.points.end() || !measured) continue;
    const Point& expected = point->second;
    const double spread = std::max(expected.deviation, curve.pooled);
    const double reach = kDeviations * spread * std::sqrt(1 + 1 / static_cast<double>(num_seeds_)) + kRounding * std::abs(expected.mean);
    const bool outside = !(std::abs(mean - expected.mean) <= reach);
    ++curve.compared;
    curve.outside += outside;
    if (outside && curve.left_at == 0) curve.left_at = step;
    if (outside && !curve.is_outside) {
      LogWarning(Str("step ", step, ": ", name, " is ", mean, ", not within ", expected.mean - reach, " and ", expected.mean + reach, " as ", num_seeds_, " seeds of this configuration were (",
                     path_, window_ > 1 ? Str("; means of ", window_, " steps)") : ")"));
    }
    curve.is_outside = outside;
  }
}

std::string Expectation::Summary() const {
  std::string stayed, left;
  for (const auto& [name, curve] : curves_) {
    std::string& text = curve.outside > 0 ? left : stayed;
    text += (text.empty() ? "" : ", ") + name;
    if (curve.outside > 0) text += Str(" (first in step ", curve.left_at, "; ", curve.outside, " of ", curve.compared, " windows)");
    if (curve.compared == 0) text += " (never compared)";
  }
  const std::string seeds = Str("the spread of ", num_seeds_, " seeds in ", path_);
  if (left.empty()) return Str("as expected: ", stayed, " stayed within ", seeds);
  return Str("not as expected: ", left, " left ", seeds, stayed.empty() ? "" : "; within it: " + stayed);
}

}  // namespace pith
