// Features with mean 0 and standard deviation 1, as the heads of this room are fitted; and which rows are fitted together.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace pith {

struct Standardised {
  size_t n, width;
  std::vector<double> mean, scale;  // u = (x − mean) · scale; scale 0: the feature does not vary
  std::vector<float> u;             // N × D

  Standardised(std::span<const float> x, size_t num_rows, size_t num_features) : n(num_rows), width(num_features), mean(width), scale(width), u(x.size()) {
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < width; ++j) mean[j] += x[i * width + j];
    }
    for (double& m : mean) m /= static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < width; ++j) scale[j] += (x[i * width + j] - mean[j]) * (x[i * width + j] - mean[j]);
    }
    for (double& s : scale) s = s > 0 ? std::sqrt(static_cast<double>(n) / s) : 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < width; ++j) u[i * width + j] = static_cast<float>((x[i * width + j] - mean[j]) * scale[j]);
    }
  }
};

// Of each row its fold: groups are dealt out in the order in which they appear.
inline std::vector<int> FoldsOf(std::span<const int64_t> groups, int folds) {
  std::map<int64_t, int> fold_of_group;
  std::vector<int> out;
  for (const int64_t group : groups) {
    const auto next = static_cast<int>(fold_of_group.size()) % folds;
    out.push_back(fold_of_group.emplace(group, next).first->second);
  }
  return out;
}

}  // namespace pith
