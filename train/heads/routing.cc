#include "train/heads/routing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

constexpr uint64_t kBootstrapStream = 0x626f6f74;

Interval Percentiles(const std::vector<double>& values) { return {Quantile(values, 0.025), Quantile(values, 0.975)}; }

}  // namespace

Spent RouteAt(const RouteTable& table, double price) {
  Spent sum;
  for (size_t i = 0; i < table.size(); ++i) {
    const size_t at = i * table.num_arms + table.ChosenArm(i, price);
    sum.accuracy += table.right[at];
    sum.tokens += table.tokens[at];
  }
  const double n = static_cast<double>(table.size());
  return {sum.accuracy / n, sum.tokens / n};
}

Spent OfArm(const RouteTable& table, size_t arm) {
  Spent sum;
  for (size_t i = 0; i < table.size(); ++i) {
    sum.accuracy += table.right[i * table.num_arms + arm];
    sum.tokens += table.tokens[i * table.num_arms + arm];
  }
  const double n = static_cast<double>(table.size());
  return {sum.accuracy / n, sum.tokens / n};
}

std::vector<double> SharesAt(const RouteTable& table, double price) {
  std::vector<double> shares(table.num_arms);
  for (size_t i = 0; i < table.size(); ++i) shares[table.ChosenArm(i, price)] += 1.0 / static_cast<double>(table.size());
  return shares;
}

// Of two arms the one with more tokens is left for the other where λ = (P_a − P_b) / (t_a − t_b).
std::vector<float> PricesOf(const RouteTable& table, size_t most) {
  std::vector<double> borders;
  for (size_t i = 0; i < table.size(); ++i) {
    const auto p = table.row(table.chance, i), t = table.row(table.expected, i);
    for (size_t a = 0; a < table.num_arms; ++a) {
      for (size_t b = 0; b < table.num_arms; ++b) {
        if (t[a] > t[b] && p[a] > p[b]) borders.push_back((p[a] - p[b]) / (t[a] - t[b]));
      }
    }
  }
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  std::vector<float> prices = {0};
  for (size_t k = 0; k < borders.size(); ++k) {
    const double next = k + 1 < borders.size() ? borders[k + 1] : 2 * borders[k];
    const auto price = static_cast<float>(borders[k] + (next - borders[k]) / 2);
    if (std::isfinite(price) && price > prices.back()) prices.push_back(price);
  }
  if (prices.size() <= most) return prices;
  std::vector<float> some;
  for (size_t k = 0; k < most; ++k) some.push_back(prices[k * (prices.size() - 1) / (most - 1)]);
  return some;
}

float SolvePrice(const RouteTable& table, double tokens) {
  float cheapest = 0;
  double least = INFINITY;
  for (const float price : PricesOf(table)) {
    const double spent = RouteAt(table, price).tokens;
    if (spent <= tokens) return price;
    if (spent < least) least = spent, cheapest = price;
  }
  return cheapest;
}

std::vector<SwitchPoint> PriceCurve(const RouteTable& table, int points) {
  struct Seen {
    float price;
    Spent spent;
  };
  std::vector<Seen> seen;
  for (const float price : PricesOf(table)) seen.push_back({price, RouteAt(table, price)});
  double least = INFINITY;
  for (const Seen& s : seen) least = std::min(least, s.spent.tokens);
  const double most = seen.front().spent.tokens;
  std::vector<SwitchPoint> curve;
  for (int k = 0; k < points; ++k) {
    const double cost = k + 1 == points ? least : most + (least - most) * k / (points - 1);
    const auto found = std::find_if(seen.begin(), seen.end(), [&](const Seen& s) { return s.spent.tokens <= cost; });
    if (found == seen.end() || (!curve.empty() && found->price <= curve.back().price)) continue;
    curve.push_back({found->price, static_cast<float>(found->spent.tokens), static_cast<float>(found->spent.accuracy)});
  }
  return curve;
}

double LotAccuracy(std::span<const Spent> arms, double tokens) {
  PITH_CHECK(!arms.empty());
  const Spent* cheapest = &arms[0];
  for (const Spent& arm : arms) {
    if (arm.tokens < cheapest->tokens || (arm.tokens == cheapest->tokens && arm.accuracy > cheapest->accuracy)) cheapest = &arm;
  }
  double best = cheapest->accuracy;
  for (const Spent& a : arms) {
    if (a.tokens > tokens) continue;
    best = std::max(best, a.accuracy);
    for (const Spent& b : arms) {
      if (b.tokens <= tokens) continue;
      best = std::max(best, a.accuracy + (b.accuracy - a.accuracy) * (tokens - a.tokens) / (b.tokens - a.tokens));
    }
  }
  return best;
}

LotComparison CompareWithLot(const RouteTable& table, double price, uint64_t seed, int draws) {
  const size_t n = table.size(), k = table.num_arms;
  PITH_CHECK(n > 0 && draws > 0);
  std::vector<size_t> chosen(n);
  for (size_t i = 0; i < n; ++i) chosen[i] = table.ChosenArm(i, price);
  // Of the problems `at`.
  const auto compare = [&](std::span<const size_t> at, Spent* choice) {
    std::vector<Spent> arms(k);
    *choice = {};
    for (const size_t i : at) {
      for (size_t a = 0; a < k; ++a) {
        arms[a].accuracy += table.right[i * k + a];
        arms[a].tokens += table.tokens[i * k + a];
      }
      choice->accuracy += table.right[i * k + chosen[i]];
      choice->tokens += table.tokens[i * k + chosen[i]];
    }
    for (Spent& arm : arms) arm = {arm.accuracy / static_cast<double>(at.size()), arm.tokens / static_cast<double>(at.size())};
    *choice = {choice->accuracy / static_cast<double>(at.size()), choice->tokens / static_cast<double>(at.size())};
    return LotAccuracy(arms, choice->tokens);
  };
  LotComparison out;
  std::vector<size_t> at(n);
  std::iota(at.begin(), at.end(), size_t{0});
  out.lot = compare(at, &out.choice);
  out.difference = out.choice.accuracy - out.lot;
  std::vector<double> accuracies, tokens, lots, differences;
  for (int draw = 0; draw < draws; ++draw) {
    Rng rng(seed, {kBootstrapStream, static_cast<uint64_t>(draw)});
    for (size_t& i : at) i = static_cast<size_t>(rng.Int(0, static_cast<int64_t>(n) - 1));
    Spent choice;
    lots.push_back(compare(at, &choice));
    accuracies.push_back(choice.accuracy);
    tokens.push_back(choice.tokens);
    differences.push_back(choice.accuracy - lots.back());
  }
  out.accuracy = Percentiles(accuracies);
  out.tokens = Percentiles(tokens);
  out.lot_interval = Percentiles(lots);
  out.difference_interval = Percentiles(differences);
  return out;
}

}  // namespace pith
