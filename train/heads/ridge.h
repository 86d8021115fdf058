// Linear regression with L2, as a switcher's expected lengths are fitted: deterministic, in double, on one thread.
//
//   min over w, b of   1/2n Σ (y − z)²  +  λ/2 ‖w‖²      z = w·u + b, u: x standardised
//
// (Hoerl and Kennard, Technometrics 12, 1970.) The bias is not drawn to zero. Solved by Cholesky's decomposition of whichever of the two is smaller, D × D
// (UᵀU/n + λI) or N × N (UUᵀ/n + λI, w = Uᵀa/n). What is returned is for x as it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "adapters/linear_head.h"

namespace pith {

struct RidgeData {
  size_t width = 0;             // D
  std::vector<float> x;         // N × D
  std::vector<double> y;        // N
  std::vector<int64_t> group;   // N: rows of one group are never divided
  size_t size() const { return y.size(); }
  std::span<const float> row(size_t i) const { return std::span(x).subspan(i * width, width); }
  RidgeData Rows(std::span<const size_t> rows) const;
};

LinearHead FitRidge(const RidgeData& data, double l2);

// λ from a fixed list, the one whose squared error is least on rows whose groups were not fitted on (of equal ones the largest), and the predictions there.
struct RidgeChoice {
  double l2 = 0, mean_squared_error = 0;
  std::vector<double> unseen;
};
RidgeChoice ChooseRidge(const RidgeData& data, int folds);

}  // namespace pith
