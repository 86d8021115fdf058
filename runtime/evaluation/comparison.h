// Two modes on the same problems, under the same budget: what one gains or loses beside the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/evaluation/eval_row.h"
#include "runtime/evaluation/stats.h"

namespace pith {

// Differences are second − first, over the problems that could be judged in both. With several chains a problem counts by its mean over them.
struct RowComparison {
  std::string first, second, dataset;
  int64_t budget = 0;                     // 0: none
  Curve curve_first = Curve::kBoth, curve_second = Curve::kBoth;
  int chains = 1;
  int64_t n = 0;                          // problems
  double accuracy_first = 0, accuracy_second = 0;  // strict reading
  double accuracy_difference = 0;
  Interval accuracy_interval = {0, 0};    // 95 %: of one chain Newcombe's for paired shares, of several normal over the problems' differences
  // Of one chain: problems that only one of the two has right, and how likely a split as uneven is by chance alone (McNemar's exact test).
  std::optional<int64_t> only_first, only_second;
  std::optional<double> mcnemar_p;
  double tokens_first = 0, tokens_second = 0;      // means
  double tokens_difference = 0;
  Interval tokens_interval = {0, 0};      // 95 %, normal over the problems' differences
  double tokens_ratio = 0;                // second / first; 0 where first is 0
};

// Rows of one data set with as many chains.
RowComparison CompareRows(const EvalRow& first, const EvalRow& second);
// Each row with the rows of the modes behind it that have its budget: of both its curve and the other, those of its curve; where a mode has but one that is it.
std::vector<RowComparison> CompareModes(const std::vector<EvalRow>& rows);

}  // namespace pith
