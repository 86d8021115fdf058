// Regression with L2, prices, lots, and a switcher fitted to made-up outcomes.
#include "train/heads/routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "train/heads/fit_switcher.h"
#include "train/heads/honest_fit.h"
#include "train/heads/ridge.h"

namespace pith {
namespace {

RidgeData DrawnRidge(size_t n, size_t width, uint64_t seed) {
  Rng rng(seed);
  RidgeData data;
  data.width = width;
  for (size_t i = 0; i < n; ++i) {
    double y = 7;
    for (size_t j = 0; j < width; ++j) {
      const double x = j == 1 ? 3 : (1 + static_cast<double>(j)) * rng.Normal() + 2;  // one that does not vary
      data.x.push_back(static_cast<float>(x));
      y += x / (1 + static_cast<double>(j * j));
    }
    data.y.push_back(y + 0.5 * rng.Normal());
    data.group.push_back(static_cast<int64_t>(i / 2));
  }
  return data;
}

// What the header says is minimised, over features as they are.
double Objective(const RidgeData& data, double l2, const LinearHead& head) {
  const double n = static_cast<double>(data.size());
  double loss = 0, squares = 0;
  for (size_t i = 0; i < data.size(); ++i) loss += std::pow(HeadLogit(head, data.row(i)) - data.y[i], 2) / (2 * n);
  for (size_t j = 0; j < data.width; ++j) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < data.size(); ++i) mean += data.row(i)[j] / n;
    for (size_t i = 0; i < data.size(); ++i) variance += std::pow(data.row(i)[j] - mean, 2) / n;
    squares += std::pow(static_cast<double>(head.weights[j]), 2) * variance;
  }
  return loss + l2 / 2 * squares;
}

TEST(Ridge, IsTheMinimumOnBothSides) {
  for (const auto& [n, width] : {std::pair<size_t, size_t>{40, 5}, {6, 9}}) {  // D × D, N × N
    const RidgeData data = DrawnRidge(n, width, 3);
    for (const double l2 : {0.01, 1.0, 30.0}) {
      const LinearHead head = FitRidge(data, l2);
      EXPECT_EQ(head.weights[1], 0) << "it does not vary";
      const double least = Objective(data, l2, head);
      for (size_t j = 0; j <= width; ++j) {
        for (const float step : {-0.02f, 0.02f}) {
          LinearHead other = head;
          (j == width ? other.bias : other.weights[j]) += step;
          if (j == 1) continue;
          EXPECT_GT(Objective(data, l2, other), least) << n << " " << l2 << " " << j;
        }
      }
    }
  }
}

TEST(Ridge, ChoosesByRowsThatItHasNotSeen) {
  const RidgeData data = DrawnRidge(200, 4, 9);
  const RidgeChoice choice = ChooseRidge(data, 4);
  EXPECT_LT(choice.mean_squared_error, 0.4) << "the noise is 0.25";
  double error = 0;
  for (size_t i = 0; i < data.size(); ++i) error += std::pow(choice.unseen[i] - data.y[i], 2) / 200;
  EXPECT_NEAR(error, choice.mean_squared_error, 1e-12);
  // Of each row the prediction of a fit on the other folds; its group is in one of them.
  std::vector<size_t> others;
  for (size_t i = 0; i < data.size(); ++i) {
    if (data.group[i] % 4 != 1) others.push_back(i);
  }
  const LinearHead head = FitRidge(data.Rows(others), choice.l2);
  EXPECT_DOUBLE_EQ(choice.unseen[2], HeadLogit(head, data.row(2)));
  RidgeData noise = data;
  Rng rng(4);
  for (double& y : noise.y) y = rng.Normal();
  EXPECT_EQ(ChooseRidge(noise, 4).l2, 100) << "nothing to learn";
}

RouteTable DrawnTable(size_t n, size_t arms, uint64_t seed) {
  Rng rng(seed);
  RouteTable table;
  table.num_arms = arms;
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < arms; ++k) {
      const double chance = rng.Uniform(), expected = 5 + 60 * rng.Uniform() * static_cast<double>(k + 1);
      table.chance.push_back(chance);
      table.expected.push_back(expected);
      table.right.push_back(rng.Uniform() < chance ? 1 : 0);
      table.tokens.push_back(std::round(expected * (0.5 + rng.Uniform())));
    }
  }
  return table;
}

TEST(Routing, WhatIsExpectedToBeSpentFallsWithThePrice) {
  const RouteTable table = DrawnTable(60, 3, 5);
  RouteTable believed = table;  // where the heads are right about lengths
  believed.tokens = table.expected;
  double before = INFINITY;
  for (const float price : PricesOf(table)) {
    const double spent = RouteAt(believed, price).tokens;
    EXPECT_LE(spent, before + 1e-9) << price;
    before = spent;
  }
  for (size_t i = 0; i < table.size(); ++i) {  // at the highest price everybody takes the shortest
    const auto expected = table.row(table.expected, i);
    EXPECT_EQ(table.ChosenArm(i, PricesOf(table).back()), static_cast<size_t>(std::min_element(expected.begin(), expected.end()) - expected.begin()));
  }
}

// Every choice that any price leads to is among the prices; the solved one is the first of a fine scan that spends no more.
TEST(Routing, SolvesAPriceForACost) {
  const RouteTable table = DrawnTable(40, 3, 7);
  const std::vector<float> prices = PricesOf(table);
  EXPECT_EQ(prices[0], 0);
  const auto choices = [&](double price) {
    std::vector<size_t> out;
    for (size_t i = 0; i < table.size(); ++i) out.push_back(table.ChosenArm(i, price));
    return out;
  };
  std::vector<double> scan;
  for (double price = 0; price < 2 * prices.back(); price += prices.back() / 20000) scan.push_back(price);
  size_t at = 0;
  for (const double price : scan) {
    while (at < prices.size() && choices(prices[at]) != choices(price)) ++at;
    ASSERT_LT(at, prices.size()) << "a choice that no price of the list makes: " << price;
  }
  for (const double cost : {10.0, 20.0, 30.0, 45.0, 60.0, 1000.0}) {
    const float solved = SolvePrice(table, cost);
    const auto found = std::find_if(scan.begin(), scan.end(), [&](double price) { return RouteAt(table, price).tokens <= cost; });
    if (found == scan.end()) {  // not to be had: the least
      for (const double price : scan) EXPECT_LE(RouteAt(table, solved).tokens, RouteAt(table, price).tokens);
      continue;
    }
    EXPECT_EQ(choices(solved), choices(*found)) << cost;
    EXPECT_LE(RouteAt(table, solved).tokens, cost);
  }
  EXPECT_EQ(SolvePrice(table, 1000), 0) << "a token costs nothing where there are enough";
}

TEST(Routing, ACurveGoesFromTheBestToTheCheapest) {
  const RouteTable table = DrawnTable(80, 3, 11);
  const std::vector<SwitchPoint> curve = PriceCurve(table, 9);
  ASSERT_GE(curve.size(), 5u);
  EXPECT_EQ(curve[0].price, 0);
  EXPECT_FLOAT_EQ(curve[0].tokens, static_cast<float>(RouteAt(table, 0).tokens));
  double least = INFINITY;
  for (const float price : PricesOf(table)) least = std::min(least, RouteAt(table, price).tokens);
  EXPECT_FLOAT_EQ(curve.back().tokens, static_cast<float>(least));
  for (size_t k = 1; k < curve.size(); ++k) {
    EXPECT_GT(curve[k].price, curve[k - 1].price);
    EXPECT_LT(curve[k].tokens, curve[k - 1].tokens);
  }
}

TEST(Routing, ALotIsAMixtureOfTwoArms) {
  const Spent two[] = {{0.2, 10}, {0.8, 50}};
  EXPECT_DOUBLE_EQ(LotAccuracy(two, 10), 0.2);
  EXPECT_DOUBLE_EQ(LotAccuracy(two, 20), 0.35);
  EXPECT_DOUBLE_EQ(LotAccuracy(two, 50), 0.8);
  EXPECT_DOUBLE_EQ(LotAccuracy(two, 70), 0.8);
  EXPECT_DOUBLE_EQ(LotAccuracy(two, 5), 0.2) << "the cheapest there is";
  const Spent three[] = {{0.2, 10}, {0.8, 50}, {0.6, 20}};
  EXPECT_DOUBLE_EQ(LotAccuracy(three, 15), 0.4);
  EXPECT_DOUBLE_EQ(LotAccuracy(three, 35), 0.7);
  const Spent worse[] = {{0.5, 30}, {0.4, 60}};  // nobody mixes in what is worse and longer
  EXPECT_DOUBLE_EQ(LotAccuracy(worse, 45), 0.5);
  // Drawn, not reckoned: each problem's arm by lot.
  const RouteTable table = DrawnTable(300, 2, 13);
  const Spent arms[] = {OfArm(table, 0), OfArm(table, 1)};
  const double share = 0.3, cost = arms[0].tokens + share * (arms[1].tokens - arms[0].tokens);
  double right = 0, tokens = 0;
  Rng rng(2);
  constexpr int kTimes = 2000;
  for (int time = 0; time < kTimes; ++time) {
    for (size_t i = 0; i < table.size(); ++i) {
      const size_t k = rng.Uniform() < share ? 1 : 0;
      right += table.right[i * 2 + k] / (300.0 * kTimes);
      tokens += table.tokens[i * 2 + k] / (300.0 * kTimes);
    }
  }
  EXPECT_NEAR(tokens, cost, 0.1);
  const double straight = arms[0].accuracy + share * (arms[1].accuracy - arms[0].accuracy);
  EXPECT_NEAR(right, straight, 0.002);
  EXPECT_NEAR(LotAccuracy(arms, cost), std::max(straight, arms[0].accuracy), 1e-12);
}

TEST(Routing, AnIntervalHoldsWhatItIsOf) {
  RouteTable table = DrawnTable(200, 2, 17);
  const LotComparison good = CompareWithLot(table, 0.001, 3);
  EXPECT_EQ(CompareWithLot(table, 0.001, 3).difference_interval.low, good.difference_interval.low) << "seeded";
  EXPECT_DOUBLE_EQ(good.difference, good.choice.accuracy - good.lot);
  EXPECT_LT(good.difference_interval.low, good.difference);
  EXPECT_GT(good.difference_interval.high, good.difference);
  EXPECT_GT(good.difference_interval.low, 0) << "the heads know";
  for (double& chance : table.chance) chance = 0.5;  // the heads know nothing: of one price all take the shorter
  Rng rng(1);
  for (double& chance : table.chance) chance = rng.Uniform();
  for (double& expected : table.expected) expected = 1;  // by lot in truth
  const LotComparison blind = CompareWithLot(table, 0, 3);
  EXPECT_LT(blind.difference_interval.low, 0);
  EXPECT_LT(blind.difference, good.difference);
}

// Two kinds of problems, told apart by the first feature: the base knows the one, the adapter the other.
ArmOutcomes TwoWorlds(size_t n, bool any_signal = true) {
  Rng rng(21);
  ArmOutcomes data;
  data.width = 6;
  data.num_arms = 2;
  data.samples = 1;
  for (size_t i = 0; i < n; ++i) {
    const bool words = rng.Uniform() < 0.5;
    for (size_t j = 0; j < data.width; ++j) data.x.push_back(static_cast<float>(rng.Normal() + (j == 0 && any_signal ? (words ? 2 : -2) : 0)));
    const double base = words ? 0.05 : 0.9, adapter = words ? 0.8 : 0.3;
    data.right.push_back(rng.Uniform() < base);
    data.right.push_back(rng.Uniform() < adapter);
    data.tokens.push_back(rng.Int(words ? 60 : 8, words ? 100 : 16));
    data.tokens.push_back(rng.Int(20, 40));
    data.group.push_back(static_cast<int64_t>(i));
    data.source.push_back(words ? "words" : "everyday");
  }
  return data;
}

std::vector<SwitchArm> TwoArms() {
  std::vector<SwitchArm> arms(2);
  arms[0].name = "base";
  arms[1].name = "adapter";
  arms[1].adapter = kOwnAdapter;
  return arms;
}

TEST(FitSwitcher, BeatsTheLotWhereNeitherArmDominates) {
  const ArmOutcomes data = TwoWorlds(600);
  SwitchSettings settings;
  const FittedSwitcher fitted = FitSwitcher(data, TwoArms(), settings, 5);
  const SwitcherFit& f = fitted.head.fit;
  EXPECT_EQ(f.fit_problems, 450);
  EXPECT_EQ(f.held_out_problems, 150);
  EXPECT_GT(f.accuracy, 0.75);
  EXPECT_GT(f.difference_low, 0.1) << "the lot reaches " << f.random_accuracy;
  EXPECT_GT(f.arm_auc[0], 0.85);
  EXPECT_LT(f.arm_calibration_error[0], 0.1);
  EXPECT_NEAR(f.mean_tokens, 0.5 * 12 + 0.5 * 30, 4);
  EXPECT_EQ(SwitcherJson(FitSwitcher(data, TwoArms(), settings, 5).head), SwitcherJson(fitted.head));
  // The target is what the better arm costs, and nothing that is held out goes into it.
  const nlohmann::json report = nlohmann::json::parse(fitted.report);
  EXPECT_NEAR(report["fit/target_tokens"].get<double>(), 30, 1);
  EXPECT_LE(report["fit/mean_tokens"].get<double>(), report["fit/target_tokens"].get<double>());
  EXPECT_EQ(report["sources"]["words"]["arms"]["adapter"]["share"].get<double>() > 0.9, true) << report["sources"].dump(1);
  EXPECT_GT(report["sources"]["everyday"]["arms"]["base"]["share"].get<double>(), 0.9);
  EXPECT_GE(report["curve"].size(), 3u);
  // What came of the problems held out changes figures, but not the head.
  const std::vector<int64_t> held = HeldOutProblems(data.group, settings.held_out, 5);
  ArmOutcomes other = data;
  for (const int64_t i : held) other.right[static_cast<size_t>(i) * 2] ^= 1;
  const FittedSwitcher again = FitSwitcher(other, TwoArms(), settings, 5);
  EXPECT_EQ(again.head.arms, fitted.head.arms);
  EXPECT_EQ(again.head.price, fitted.head.price);
  EXPECT_EQ(again.head.curve, fitted.head.curve);
  EXPECT_NE(again.head.fit.accuracy, fitted.head.fit.accuracy);
}

TEST(FitSwitcher, SpendsNoMoreThanItIsToldOnWhatItHasNotSeen) {
  const ArmOutcomes data = TwoWorlds(600);
  SwitchSettings settings;
  for (const double cost : {60.0, 30.0, 25.0, 15.0}) {
    settings.cost = cost;
    const FittedSwitcher fitted = FitSwitcher(data, TwoArms(), settings, 5);
    EXPECT_EQ(fitted.head.fit.target_tokens, cost);
    const double spent = nlohmann::json::parse(fitted.report)["fit/mean_tokens"];
    const double least = fitted.head.curve.back().tokens;
    EXPECT_LE(spent, std::max(cost, least + 1e-6)) << cost;  // no arm is as short as 15 where the other kind is asked: the least, then
    if (cost < least) {
      EXPECT_NEAR(spent, least, 1e-6);
    }
  }
}

TEST(FitSwitcher, ClaimsNothingWithoutASignal) {
  const FittedSwitcher fitted = FitSwitcher(TwoWorlds(400, /*any_signal=*/false), TwoArms(), SwitchSettings(), 5);
  EXPECT_LT(fitted.head.fit.difference_low, 0.02);
  EXPECT_LT(fitted.head.fit.arm_auc[0], 0.65);
}

TEST(FitSwitcher, AnArmThatIsNeverRightIsAConstant) {
  ArmOutcomes data = TwoWorlds(120);
  for (size_t i = 0; i < data.size(); ++i) data.right[2 * i] = 0;
  const FittedSwitcher fitted = FitSwitcher(data, TwoArms(), SwitchSettings(), 5);
  EXPECT_EQ(fitted.head.arms[0].right.weights, std::vector<float>(6, 0.0f));
  EXPECT_NEAR(Probability(fitted.head.arms[0].right.bias), 1.0 / 92, 1e-6) << "of 90 problems";
  for (size_t i = 0; i < data.size(); ++i) data.right[2 * i + 1] = 1;
  try {
    FitSwitcher(data, TwoArms(), SwitchSettings(), 5);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("each arm of the switcher is right always, or never, on the 90 problems"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace pith
