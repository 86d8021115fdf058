// Which arm answers what, at which price; and what a choice by lot would have reached at the same cost.
//
// All figures are of arms that have all answered all problems, so nothing is estimated but over problems: the accuracy of a choice is that of the answers that the
// chosen arms gave, and that of a lot its expectation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "adapters/switcher_head.h"
#include "runtime/evaluation/stats.h"

namespace pith {

struct RouteTable {
  size_t num_arms = 0;                   // K
  std::vector<double> right, tokens;     // N × K: share of right answers, mean tokens of an answer, as they came
  std::vector<double> chance, expected;  // N × K: what the heads say of both
  size_t size() const { return num_arms == 0 ? 0 : right.size() / num_arms; }
  std::span<const double> row(const std::vector<double>& values, size_t i) const { return std::span(values).subspan(i * num_arms, num_arms); }
  size_t ChosenArm(size_t problem, double price) const { return BestArm(row(chance, problem), row(expected, problem), price); }
};

struct Spent {
  double accuracy = 0, tokens = 0;  // means over problems
};
Spent RouteAt(const RouteTable& table, double price);
Spent OfArm(const RouteTable& table, size_t arm);
std::vector<double> SharesAt(const RouteTable& table, double price);  // of problems, by arm

// Prices at which a choice may change, and 0: between any two neighbours all choices are the same. At most `most`, evenly among them.
std::vector<float> PricesOf(const RouteTable& table, size_t most = 2000);
// The lowest of PricesOf() at which no more than `tokens` are spent; where none is so low, the one that spends the least.
float SolvePrice(const RouteTable& table, double tokens);
// `points` costs evenly from what price 0 spends down to the least, each with the price that it leads to; by rising prices, each price once.
std::vector<SwitchPoint> PriceCurve(const RouteTable& table, int points);

// The most right that a lottery over the arms can be on average, with no more than `tokens`: a mixture of two of them, or one. Where not even the cheapest arm is so
// cheap, that one: the lot is then given more than it was to spend.
double LotAccuracy(std::span<const Spent> arms, double tokens);

// Of a choice beside the lot at its own cost, over problems drawn anew `draws` times, all arms of a problem together (paired bootstrap; Efron 1979): 95 % by percentiles.
struct LotComparison {
  Spent choice;
  double lot = 0;                  // accuracy
  double difference = 0;           // choice − lot
  Interval accuracy = {0, 0}, tokens = {0, 0}, lot_interval = {0, 0}, difference_interval = {0, 0};
};
LotComparison CompareWithLot(const RouteTable& table, double price, uint64_t seed, int draws = 2000);

}  // namespace pith
