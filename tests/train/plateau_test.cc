// Early stopping as a function of metrics; and in the loop: tests/train/loop_test.cc.
#include <gtest/gtest.h>

#include <cmath>

#include "train/run/plateau.h"

namespace pith {
namespace {

EvaluationSettings Watching(int64_t patience, double min_delta) {
  EvaluationSettings eval;
  eval.every = 1;
  eval.patience = patience;
  eval.min_delta = min_delta;
  return eval;
}

// The steps after which it wants to end the run, fed with these values of `metric`, one a step; NAN: a step without an evaluation.
std::vector<int64_t> Ends(Plateau plateau, const std::vector<double>& values, const std::string& metric = "eval/accuracy") {
  std::vector<int64_t> ends;
  for (size_t i = 0; i < values.size(); ++i) {
    Metrics metrics = {{"loss", 1.0}};
    if (!std::isnan(values[i])) metrics.emplace_back(metric, values[i]);
    if (!plateau.Observe(static_cast<int64_t>(i) + 1, &metrics).empty()) ends.push_back(static_cast<int64_t>(i) + 1);
  }
  return ends;
}

TEST(Plateau, EndsAfterSoManyEvaluationsWithoutProgress) {
  using Steps = std::vector<int64_t>;
  EXPECT_EQ(Ends(Plateau(Watching(2, 0)), {0.1, 0.2, 0.2, 0.3, 0.25, 0.3}), Steps{6});
  EXPECT_EQ(Ends(Plateau(Watching(2, 0)), {0.1, NAN, NAN, NAN, 0.2}), Steps{}) << "only evaluations count";
  EXPECT_EQ(Ends(Plateau(Watching(2, 0.1)), {0.1, 0.15, 0.19}), Steps{3});
  EXPECT_EQ(Ends(Plateau(Watching(2, 0.1)), {0.1, 0.15, 0.21, 0.3}), Steps{}) << "against the best, not the one before";
  EXPECT_EQ(Ends(Plateau(Watching(0, 0)), {0.1, 0.1, 0.1}), Steps{});
  EvaluationSettings lowest = Watching(1, 0);
  lowest.watch = "eval/mean_tokens";
  lowest.watch_mode = "min";
  EXPECT_EQ(Ends(Plateau(lowest), {50, 40, 45}, "eval/mean_tokens"), Steps{3});
  EvaluationSettings budgets = Watching(1, 0);
  budgets.budgets = {64, 0};
  EXPECT_EQ(Plateau(budgets).metric(), "eval/64/accuracy");
}

TEST(Plateau, SaysWhyAndCountsInTheMetrics) {
  Plateau plateau(Watching(1, 0.01));
  Metrics first = {{"eval/accuracy", 0.5}}, second = {{"eval/accuracy", 0.505}};
  EXPECT_EQ(plateau.Observe(10, &first), "");
  EXPECT_EQ(FindMetric(first, "eval/without_progress"), 0);
  EXPECT_EQ(plateau.Observe(20, &second), "eval/accuracy has not come above 0.5 of step 10 by more than 0.01 in 1 evaluation (eval.patience)");
  EXPECT_EQ(FindMetric(second, "eval/without_progress"), 1);
}

TEST(Plateau, AResumedRunKeepsTheCount) {
  Plateau plateau(Watching(3, 0)), resumed(Watching(3, 0)), shorter(Watching(2, 0));
  for (const auto& [step, value] : std::vector<std::pair<int64_t, double>>{{1, 0.4}, {2, 0.3}, {3, 0.3}}) {
    Metrics metrics = {{"eval/accuracy", value}};
    EXPECT_EQ(plateau.Observe(step, &metrics), "");
  }
  resumed.Load(plateau.Save());
  Metrics fourth = {{"eval/accuracy", 0.4}};
  EXPECT_NE(resumed.Observe(4, &fourth), "");
  EvaluationSettings other = Watching(3, 0);
  other.watch = "eval/accuracy_lenient";
  Plateau of_another(other);
  of_another.Load(plateau.Save());
  EXPECT_FALSE(of_another.measured()) << "another metric begins anew";
  Plateau off(EvaluationSettings{});
  off.Load(plateau.Save());
  resumed.Load(off.Save());
  EXPECT_FALSE(resumed.measured());
}

}  // namespace
}  // namespace pith
