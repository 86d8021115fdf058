// --expect: what a ready configuration's metrics did over several seeds, and whether a run does the same.
//
// The file lies beside the configuration (configs/tiny-rl.expect.json for configs/tiny-rl.yaml) and is written by configs/expect.py:
//   {"config": {"rl.steps": "24", …},        the resolved settings, but for name, folder, seed, threads, eval and log
//    "seeds": [0, 1, …], "window": 4,        steps that a point is the mean of
//    "curves": {"reward": [{"step": 4, "mean": 0.31, "deviation": 0.02}, …]}, …}     over the seeds; n − 1
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "train/run/metrics.h"

namespace pith {

// "configs/tiny-rl.expect.json". UserError, saying how it is made, where there is none.
std::string ExpectationPath(const std::string& config_path);

// A run is within where the mean of each window of steps lies within mean ± 4 · s · √(1 + 1/n) of the n seeds' means, s being their
// deviation in this window or over all windows (root of the mean square), whichever is more: a few seeds may lie close together by chance.
class Expectation {
 public:
  // UserError for a file that is none. Warns where the settings are not those of the file, and compares all the same.
  Expectation(const std::string& path, const TrainConfig& config);

  // Steps in their order, from 1. Warns when a metric leaves.
  void Observe(int64_t step, const Metrics& metrics);
  // A sentence: which metrics stayed within, which left and when.
  std::string Summary() const;

 private:
  struct Point {
    double mean = 0, deviation = 0;
  };
  struct Curve {
    std::map<int64_t, Point> points;  // by the last step of the window
    double pooled = 0;
    double sum = 0, steps = 0;        // of the window at hand
    int64_t compared = 0, outside = 0, left_at = 0;  // windows; the step where it first left
    bool is_outside = false;
  };
  std::string path_;
  size_t num_seeds_ = 0;
  int64_t window_ = 1;
  std::map<std::string, Curve> curves_;

  void CompareSettings(const std::map<std::string, std::string>& expected, const TrainConfig& config) const;
};

}  // namespace pith
