// Two modes on the same problems: which rows are compared, and what comes of it.
#include "runtime/evaluation/comparison.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/evaluation/eval_json.h"

namespace pith {
namespace {

// A row whose answers are right where `right` says so, chain by chain, of so many tokens each.
EvalRow RowOf(const std::string& mode, int chains, const std::vector<bool>& right, const std::vector<int64_t>& tokens) {
  EvalRow row;
  row.mode = mode;
  row.chains = chains;
  row.n = static_cast<int64_t>(right.size()) / chains;
  for (size_t i = 0; i < right.size(); ++i) {
    const auto problem = static_cast<int64_t>(i) / chains;
    row.answers.push_back({problem, static_cast<int>(i) % chains, "", tokens[i], right[i], right[i], false, false, "", right[i] ? Verdict::kCorrect : Verdict::kWrong});
  }
  return row;
}

EvalRow At(EvalRow row, int64_t budget, Curve curve) {
  row.budget = budget;
  row.curve = curve;
  return row;
}

TEST(ComparisonTest, OfOneChain) {
  // 2 right in both, 1 in the first alone, 3 in the second alone, 1 in neither.
  const EvalRow first = RowOf("a", 1, {true, true, true, false, false, false, false}, {80, 90, 100, 110, 60, 70, 50});
  const EvalRow second = RowOf("b", 1, {true, true, false, true, true, true, false}, {40, 60, 40, 90, 50, 30, 40});
  const RowComparison c = CompareRows(first, second);
  EXPECT_EQ(c.n, 7);
  EXPECT_DOUBLE_EQ(c.accuracy_first, 3.0 / 7);
  EXPECT_DOUBLE_EQ(c.accuracy_difference, 2.0 / 7);
  const Interval newcombe = NewcombeInterval({2, 1, 3, 1});
  EXPECT_EQ(c.accuracy_interval.low, newcombe.low);
  EXPECT_EQ(c.accuracy_interval.high, newcombe.high);
  EXPECT_EQ(c.only_first, 1);
  EXPECT_EQ(c.only_second, 3);
  EXPECT_NEAR(*c.mcnemar_p, 0.625, 1e-12);                    // 2 · (1 + 4) / 16
  EXPECT_DOUBLE_EQ(c.tokens_first, 80);
  EXPECT_DOUBLE_EQ(c.tokens_second, 50);
  EXPECT_DOUBLE_EQ(c.tokens_difference, -30);
  // scipy 1.17.1: differences −40 −30 −60 −20 −10 −40 −10, np.std(ddof=1) = 18.257418583506, / √7 · 1.959963984540054 = 13.525036…
  EXPECT_NEAR(c.tokens_interval.low, -30 - 13.525036, 1e-5);
  EXPECT_NEAR(c.tokens_interval.high, -30 + 13.525036, 1e-5);
  EXPECT_DOUBLE_EQ(c.tokens_ratio, 0.625);
}

TEST(ComparisonTest, OfSeveralChainsTheMeansAreCompared) {
  const EvalRow first = RowOf("a", 2, {true, false, false, false, true, true}, {80, 80, 80, 80, 80, 80});   // ½, 0, 1
  const EvalRow second = RowOf("b", 2, {true, true, false, true, true, false}, {40, 60, 40, 40, 40, 40});   // 1, ½, ½
  const RowComparison c = CompareRows(first, second);
  EXPECT_NEAR(c.accuracy_difference, 1.0 / 6, 1e-12);
  EXPECT_NEAR(c.accuracy_interval.low, 1.0 / 6 - 0.653321, 1e-5);   // 1.959964 · s / √3 with s² = ⅓
  EXPECT_NEAR(c.accuracy_interval.high, 1.0 / 6 + 0.653321, 1e-5);
  EXPECT_FALSE(c.mcnemar_p.has_value());
  EXPECT_FALSE(c.only_first.has_value());
  EXPECT_NEAR(c.tokens_second, 130.0 / 3, 1e-12);
}

TEST(ComparisonTest, WhatAVerifierFailedOnIsNotCompared) {
  EvalRow first = RowOf("a", 1, {true, false, true}, {10, 20, 30}), second = RowOf("b", 1, {true, true, false}, {10, 10, 10});
  second.answers[2].verdict = Verdict::kError;
  const RowComparison c = CompareRows(first, second);
  EXPECT_EQ(c.n, 2);
  EXPECT_DOUBLE_EQ(c.accuracy_difference, 0.5);
  EXPECT_EQ(c.only_first, 0);
  EXPECT_DOUBLE_EQ(c.tokens_first, 15);
}

TEST(ComparisonTest, RowsOfOneBudgetAndCurve) {
  const EvalRow base = RowOf("base", 1, {true}, {10}), a = RowOf("a", 1, {true}, {10}), b = RowOf("b", 1, {false}, {10});
  const std::vector<EvalRow> rows = {At(base, 64, Curve::kCut), At(base, 0, Curve::kBoth),
                                     At(a, 64, Curve::kCut),    At(a, 0, Curve::kBoth),    At(a, 64, Curve::kAnnounced),
                                     At(b, 64, Curve::kCut),    At(b, 0, Curve::kBoth),    At(b, 64, Curve::kAnnounced)};
  std::vector<std::string> pairs;
  for (const RowComparison& c : CompareModes(rows)) {
    EXPECT_EQ(c.curve_first, c.curve_second) << "there was one of the same curve";
    pairs.push_back(c.first + " " + c.second + " " + std::to_string(c.budget) + (c.curve_first == Curve::kAnnounced ? " told" : ""));
  }
  EXPECT_EQ(pairs, (std::vector<std::string>{"base a 64", "base b 64", "base a 0", "base b 0", "a b 64", "a b 0", "a b 64 told"}));
  // One that could not be told beside one that was, and no other rows: that is what there is to compare.
  const auto mixed = CompareModes({rows[0], rows[4]});
  ASSERT_EQ(mixed.size(), 1u);
  EXPECT_EQ(mixed[0].curve_first, Curve::kCut);
  EXPECT_EQ(mixed[0].curve_second, Curve::kAnnounced);
  const auto json = nlohmann::json::parse(ComparisonsJson({{"set", {}, {rows[0], rows[4], rows[1], rows[3]}}}));
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["curve_first"], "cut");
  EXPECT_EQ(json[0]["curve_second"], "announced");
  EXPECT_EQ(json[0]["budget"], 64);
  EXPECT_TRUE(json[1]["budget"].is_null());
  EXPECT_EQ(json[1]["mcnemar_p"], 1.0);
  EXPECT_EQ(json[1]["accuracy_difference_ci"].size(), 2u);
}

}  // namespace
}  // namespace pith
