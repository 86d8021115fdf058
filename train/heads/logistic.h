// Logistic regression with L2, as a verifier is fitted: deterministic, in double, on one thread.
//
//   min over w, b of   1/n Σ log(1 + e^−t·z)  +  λ/2 ‖w‖²      z = w·u + b, t = ±1, u: x standardised
//
// The bias is not drawn to zero. With λ > 0 there is one minimum, which L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5) comes to from
// anywhere. What is returned is for x as it is: w_i / σ_i and b − Σ w_i μ_i / σ_i. A feature that does not vary gets no weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "adapters/linear_head.h"

namespace pith {

// Rows of one matrix, each with its outcome and the problem that it belongs to.
struct LogisticData {
  size_t width = 0;                   // D
  std::vector<float> x;               // N × D
  std::vector<uint8_t> right;         // N
  std::vector<int64_t> group;         // N: rows of one group are never divided
  size_t size() const { return right.size(); }
  std::span<const float> row(size_t i) const { return std::span(x).subspan(i * width, width); }
  LogisticData Rows(std::span<const size_t> rows) const;
};

struct LogisticFit {
  LinearHead head;
  int iterations = 0;
  double gradient_norm = 0;           // largest entry, of the objective in w and b over standardised features
  double objective = 0;
};
// UserError where all outcomes are the same: there is nothing to tell apart.
LogisticFit FitLogistic(const LogisticData& data, double l2);

// Cross-validation by groups: of each row the logit of a fit that has not seen its group. Folds are the groups in order, dealt out.
std::vector<double> OutOfFoldLogits(const LogisticData& data, double l2, int folds);

// λ from a fixed list, the one whose out-of-fold log loss is least (of equal ones the largest), and those logits.
struct L2Choice {
  double l2 = 0, log_loss = 0;
  std::vector<double> logits;
};
L2Choice ChooseL2(const LogisticData& data, int folds);

// Platt's scaling (1999), a and c of P = σ(a·z + c) by maximum likelihood: what makes out-of-fold logits honest. a is kept in [0.05, 20].
struct PlattScale {
  double slope = 1, shift = 0;
};
PlattScale FitPlatt(std::span<const double> logits, std::span<const uint8_t> right);

}  // namespace pith
