#include "train/heads/logistic.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "base/error.h"
#include "train/heads/standardised.h"

namespace pith {
namespace {

constexpr int kMostIterations = 1000, kMemory = 10;
constexpr double kGradientTolerance = 1e-7;
constexpr double kL2List[] = {10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001};

using Values = std::vector<double>;

double Inner(const Values& a, const Values& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

// log(1 + e^−m), without an overflow.
double SoftPlus(double m) { return m > 0 ? std::log1p(std::exp(-m)) : -m + std::log1p(std::exp(m)); }

// The objective at w (D weights, then the bias), and its gradient.
double Objective(const Standardised& s, const std::vector<uint8_t>& right, double l2, const Values& w, Values* gradient) {
  gradient->assign(s.width + 1, 0);
  double loss = 0;
  for (size_t i = 0; i < s.n; ++i) {
    const float* u = s.u.data() + i * s.width;
    double z = w[s.width];
    for (size_t j = 0; j < s.width; ++j) z += w[j] * static_cast<double>(u[j]);
    loss += SoftPlus(right[i] != 0 ? z : -z);
    const double error = Probability(z) - (right[i] != 0 ? 1 : 0);
    for (size_t j = 0; j < s.width; ++j) (*gradient)[j] += error * static_cast<double>(u[j]);
    (*gradient)[s.width] += error;
  }
  const double n = static_cast<double>(s.n);
  double squares = 0;
  for (size_t j = 0; j <= s.width; ++j) {
    (*gradient)[j] /= n;
    if (j == s.width) break;
    (*gradient)[j] += l2 * w[j];
    squares += w[j] * w[j];
  }
  return loss / n + l2 / 2 * squares;
}

double Largest(const Values& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

// H·g by the two-loop recursion over the last steps s and changes of the gradient y.
Values Direction(const Values& gradient, const std::deque<Values>& steps, const std::deque<Values>& changes) {
  Values q = gradient;
  Values alphas(steps.size());
  for (size_t k = steps.size(); k-- > 0;) {
    alphas[k] = Inner(steps[k], q) / Inner(changes[k], steps[k]);
    for (size_t j = 0; j < q.size(); ++j) q[j] -= alphas[k] * changes[k][j];
  }
  if (!steps.empty()) {
    const double gamma = Inner(steps.back(), changes.back()) / Inner(changes.back(), changes.back());
    for (double& v : q) v *= gamma;
  }
  for (size_t k = 0; k < steps.size(); ++k) {
    const double beta = Inner(changes[k], q) / Inner(changes[k], steps[k]);
    for (size_t j = 0; j < q.size(); ++j) q[j] += steps[k][j] * (alphas[k] - beta);
  }
  return q;
}

}  // namespace

LogisticData LogisticData::Rows(std::span<const size_t> rows) const {
  LogisticData part;
  part.width = width;
  for (const size_t i : rows) {
    const auto values = row(i);
    part.x.insert(part.x.end(), values.begin(), values.end());
    part.right.push_back(right[i]);
    part.group.push_back(group[i]);
  }
  return part;
}

LogisticFit FitLogistic(const LogisticData& data, double l2) {
  PITH_CHECK(l2 > 0 && data.width > 0 && data.x.size() == data.size() * data.width, l2);
  const auto num_right = static_cast<size_t>(std::count(data.right.begin(), data.right.end(), uint8_t{1}));
  if (num_right == 0 || num_right == data.size()) {
    ThrowUser(num_right == 0 ? "none" : "all", " of the ", data.size(), " answers that a verifier was to be fitted on ", num_right == 0 ? "is" : "are",
              " right, so there is nothing to tell apart; take problems that are now and then solved, a higher check.temperature or more of them");
  }
  const Standardised s(data.x, data.size(), data.width);
  Values w(data.width + 1), gradient, next_gradient;
  w[data.width] = std::log(static_cast<double>(num_right) / static_cast<double>(data.size() - num_right));
  double value = Objective(s, data.right, l2, w, &gradient);
  std::deque<Values> steps, changes;
  LogisticFit fit;
  while (fit.iterations < kMostIterations && Largest(gradient) > kGradientTolerance) {
    Values direction = Direction(gradient, steps, changes);
    double slope = Inner(gradient, direction);
    if (!(slope > 0)) {  // rounding has spoilt the memory
      steps.clear();
      changes.clear();
      direction = gradient;
      slope = Inner(gradient, gradient);
    }
    double length = steps.empty() ? std::min(1.0, 1.0 / Largest(gradient)) : 1.0, next_value = 0;
    Values next(w.size());
    bool moved = false;
    for (int halving = 0; halving < 40 && !moved; ++halving, length /= 2) {  // Armijo's condition; the objective is convex
      for (size_t j = 0; j < w.size(); ++j) next[j] = w[j] - length * direction[j];
      next_value = Objective(s, data.right, l2, next, &next_gradient);
      moved = next_value <= value - 1e-4 * length * slope;
    }
    if (!moved) break;  // as near as doubles come
    Values step(w.size()), change(w.size());
    for (size_t j = 0; j < w.size(); ++j) {
      step[j] = next[j] - w[j];
      change[j] = next_gradient[j] - gradient[j];
    }
    if (Inner(step, change) > 0) {
      steps.push_back(std::move(step));
      changes.push_back(std::move(change));
      if (steps.size() > kMemory) steps.pop_front(), changes.pop_front();
    }
    w = std::move(next);
    gradient = next_gradient;
    value = next_value;
    ++fit.iterations;
  }
  fit.gradient_norm = Largest(gradient);
  fit.objective = value;
  double bias = w[data.width];
  for (size_t j = 0; j < data.width; ++j) {
    const double weight = w[j] * s.scale[j];
    fit.head.weights.push_back(static_cast<float>(weight));
    bias -= static_cast<double>(fit.head.weights.back()) * s.mean[j];
  }
  fit.head.bias = static_cast<float>(bias);
  return fit;
}

std::vector<double> OutOfFoldLogits(const LogisticData& data, double l2, int folds) {
  const std::vector<int> fold_of = FoldsOf(data.group, folds);
  std::vector<double> logits(data.size());
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<size_t> others, own;
    for (size_t i = 0; i < data.size(); ++i) (fold_of[i] == fold ? own : others).push_back(i);
    if (own.empty()) continue;
    const LinearHead head = FitLogistic(data.Rows(others), l2).head;
    for (const size_t i : own) logits[i] = HeadLogit(head, data.row(i));
  }
  return logits;
}

L2Choice ChooseL2(const LogisticData& data, int folds) {
  L2Choice best;
  best.log_loss = INFINITY;
  for (const double l2 : kL2List) {  // from the strongest on
    std::vector<double> logits = OutOfFoldLogits(data, l2, folds);
    double loss = 0;
    for (size_t i = 0; i < logits.size(); ++i) loss += SoftPlus(data.right[i] != 0 ? logits[i] : -logits[i]);
    loss /= static_cast<double>(logits.size());
    if (loss < best.log_loss) best = {l2, loss, std::move(logits)};
  }
  return best;
}

PlattScale FitPlatt(std::span<const double> logits, std::span<const uint8_t> right) {
  double a = 1, c = 0;
  const auto loss_at = [&](double slope, double shift) {
    double loss = 0;
    for (size_t i = 0; i < logits.size(); ++i) loss += SoftPlus(right[i] != 0 ? slope * logits[i] + shift : -(slope * logits[i] + shift));
    return loss;
  };
  double loss = loss_at(a, c);
  for (int i = 0; i < 100; ++i) {  // Newton with halved steps
    double ga = 0, gc = 0, haa = 1e-9, hac = 0, hcc = 1e-9;
    for (size_t k = 0; k < logits.size(); ++k) {
      const double p = Probability(a * logits[k] + c), error = p - (right[k] != 0 ? 1 : 0), v = p * (1 - p);
      ga += error * logits[k];
      gc += error;
      haa += v * logits[k] * logits[k];
      hac += v * logits[k];
      hcc += v;
    }
    const double det = haa * hcc - hac * hac;
    if (!(det > 0)) break;
    const double da = (hcc * ga - hac * gc) / det, dc = (haa * gc - hac * ga) / det;
    double length = 1;
    while (length > 1e-6 && !(loss_at(a - length * da, c - length * dc) <= loss)) length /= 2;
    if (length <= 1e-6) break;
    a -= length * da;
    c -= length * dc;
    const double next = loss_at(a, c);
    const bool done = loss - next < 1e-12 * (1 + loss);
    loss = next;
    if (done) break;
  }
  constexpr double kLeastSlope = 0.05, kMostSlope = 20;
  return {std::clamp(a, kLeastSlope, kMostSlope), c};
}

}  // namespace pith
