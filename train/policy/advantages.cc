#include "train/policy/advantages.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace pith {
namespace {

constexpr double kEpsilon = 1e-4;

double Mean(const double* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum / static_cast<double>(n);
}

double Deviation(const double* x, int64_t n) {
  if (n < 2) return 0;
  const double mean = Mean(x, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
  return std::sqrt(sum / static_cast<double>(n - 1));
}

// Exactly, so that rounding in a mean cannot turn equal rewards into a signal.
bool Flat(const double* x, int64_t n) {
  return std::all_of(x, x + n, [&](double r) { return r == x[0]; });
}

void Divide(double divisor, std::vector<double>* x) {
  for (double& a : *x) a /= divisor + kEpsilon;
}

}  // namespace

std::vector<double> Advantages(const std::string& estimator, const std::string& scale, const std::vector<double>& rewards,
                               int64_t group_size) {
  const auto n = static_cast<int64_t>(rewards.size());
  PITH_CHECK(group_size > 0 && n % group_size == 0, n, " rewards in groups of ", group_size);
  const double* all = rewards.data();
  std::vector<double> out(rewards.size(), 0.0);
  if (estimator == "reinforce_pp") {
    if (n == 0 || Flat(all, n)) return out;
    const double mean = Mean(all, n);
    for (size_t i = 0; i < out.size(); ++i) out[i] = rewards[i] - mean;
    Divide(Deviation(all, n), &out);
    return out;
  }
  const bool others = estimator == "rloo", baseline = estimator == "reinforce_pp_baseline";
  PITH_CHECK(others || baseline || estimator == "group", estimator);
  PITH_CHECK(scale == "batch" || scale == "none" || (scale == "group" && !others), scale, " with ", estimator);
  for (int64_t begin = 0; begin < n; begin += group_size) {
    const double* group = all + begin;
    if (Flat(group, group_size)) continue;
    const double mean = Mean(group, group_size), size = static_cast<double>(group_size);
    // R_i − (S − R_i)/(G − 1) = (R_i − S/G) · G/(G − 1)
    const double factor = others ? size / (size - 1.0) : 1.0;
    const double divisor = estimator == "group" && scale == "group" ? Deviation(group, group_size) + kEpsilon : 1.0;
    for (int64_t i = 0; i < group_size; ++i) out[static_cast<size_t>(begin + i)] = (group[i] - mean) * factor / divisor;
  }
  if (estimator == "group") {
    if (scale == "batch") Divide(Deviation(all, n), &out);
  } else if (baseline || scale == "batch") {
    Divide(Deviation(out.data(), n), &out);
  }
  return out;
}

std::vector<std::vector<double>> TokenAdvantages(const std::vector<double>& rewards, double beta, const std::vector<std::vector<double>>& kl) {
  PITH_CHECK_EQ(rewards.size(), kl.size());
  std::vector<double> all;
  for (size_t i = 0; i < kl.size(); ++i) {
    const size_t first = all.size();
    all.resize(first + kl[i].size());
    double ahead = 0;
    for (size_t t = kl[i].size(); t-- > 0;) {
      ahead += kl[i][t];
      all[first + t] = rewards[i] - beta * ahead;
    }
  }
  const auto n = static_cast<int64_t>(all.size());
  if (n == 0 || Flat(all.data(), n)) {
    all.assign(all.size(), 0.0);
  } else {
    const double mean = Mean(all.data(), n), deviation = Deviation(all.data(), n);
    for (double& a : all) a = (a - mean) / (deviation + kEpsilon);
  }
  std::vector<std::vector<double>> out;
  auto next = all.begin();
  for (const std::vector<double>& tokens : kl) {
    const auto end = next + static_cast<int64_t>(tokens.size());
    out.emplace_back(next, end);
    next = end;
  }
  return out;
}

}  // namespace pith
