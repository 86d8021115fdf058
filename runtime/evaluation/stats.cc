#include "runtime/evaluation/stats.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace pith {

namespace {
constexpr double kZ95 = 1.959963984540054;
}

Interval WilsonInterval(double successes, int64_t n) {
  if (n == 0) return {0.0, 1.0};
  const double p = successes / n, z2 = kZ95 * kZ95;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ95 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4.0 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

double McNemarExact(int64_t only_first, int64_t only_second) {
  const int64_t n = only_first + only_second, k = std::min(only_first, only_second);
  if (n == 0) return 1.0;
  double tail = 0;  // P(X <= k), X ~ Binomial(n, 1/2)
  for (int64_t i = 0; i <= k; ++i) {
    tail += std::exp(std::lgamma(n + 1.0) - std::lgamma(i + 1.0) - std::lgamma(n - i + 1.0) - n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

Interval NewcombeInterval(const PairedCounts& counts) {
  const double a = static_cast<double>(counts.both), b = static_cast<double>(counts.only_first), c = static_cast<double>(counts.only_second),
               d = static_cast<double>(counts.neither);
  const double n = a + b + c + d;
  if (n == 0) return {-1.0, 1.0};
  const double first = (a + b) / n, second = (a + c) / n, difference = second - first;
  const Interval of_first = WilsonInterval(a + b, static_cast<int64_t>(n)), of_second = WilsonInterval(a + c, static_cast<int64_t>(n));
  // The correlation, with the continuity correction that makes it method 10: a positive one is taken as weaker.
  double phi = 0;
  const double margins = (a + b) * (c + d) * (a + c) * (b + d), product = a * d - b * c;
  if (margins > 0) phi = (product > n / 2 ? product - n / 2 : std::min(product, 0.0)) / std::sqrt(margins);
  const auto reach = [phi](double x, double y) { return std::sqrt(std::max(0.0, x * x - 2 * phi * x * y + y * y)); };
  return {difference - reach(second - of_second.low, of_first.high - first), difference + reach(of_second.high - second, first - of_first.low)};
}

PairedDifference ComparePairs(const std::vector<double>& first, const std::vector<double>& second) {
  PITH_CHECK_EQ(first.size(), second.size());
  const size_t n = first.size();
  if (n == 0) return {0, {0, 0}};
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) sum += second[i] - first[i];
  const double mean = sum / n;
  for (size_t i = 0; i < n; ++i) squares += std::pow(second[i] - first[i] - mean, 2);
  const double half = n > 1 ? kZ95 * std::sqrt(squares / (n - 1) / n) : 0;
  return {mean, {mean - half, mean + half}};
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = q * (values.size() - 1);
  const size_t low = static_cast<size_t>(place);
  const size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (place - low) * (values[high] - values[low]);
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return values.empty() ? 0 : sum / values.size();
}

double PassAtK(int64_t n, int64_t c, int64_t k) {
  if (n - c < k) return 1.0;
  double all_wrong = 1.0;
  for (int64_t i = n - c + 1; i <= n; ++i) all_wrong *= 1.0 - static_cast<double>(k) / i;
  return 1.0 - all_wrong;
}

}  // namespace pith
