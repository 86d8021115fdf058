#include "train/heads/ridge.h"

#include <cmath>

#include "base/error.h"
#include "train/heads/standardised.h"

namespace pith {
namespace {

constexpr double kRidgeList[] = {100, 30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01};

// Rows and targets ready to be solved for any λ: the Gram matrix of the smaller side is computed once.
class RidgeSystem {
 public:
  explicit RidgeSystem(const RidgeData& data) : s_(data.x, data.size(), data.width), primal_(data.width <= data.size()), m_(primal_ ? data.width : data.size()) {
    PITH_CHECK(data.size() > 0 && data.width > 0 && data.x.size() == data.size() * data.width && data.group.size() == data.size(), data.size());
    for (const double y : data.y) mean_y_ += y;
    mean_y_ /= static_cast<double>(s_.n);
    for (const double y : data.y) centred_.push_back(y - mean_y_);
    const double n = static_cast<double>(s_.n);
    gram_.assign(m_ * m_, 0);
    if (primal_) {
      right_.assign(m_, 0);
      for (size_t i = 0; i < s_.n; ++i) {
        const float* u = Row(i);
        for (size_t a = 0; a < m_; ++a) {
          const double ua = u[a];
          double* gram = &gram_[a * m_];
          for (size_t b = 0; b <= a; ++b) gram[b] += ua * static_cast<double>(u[b]);
          right_[a] += ua * centred_[i] / n;
        }
      }
      for (double& g : gram_) g /= n;
    } else {
      right_ = centred_;
      for (size_t a = 0; a < m_; ++a) {
        for (size_t b = 0; b <= a; ++b) {
          double sum = 0;
          for (size_t j = 0; j < s_.width; ++j) sum += static_cast<double>(Row(a)[j]) * static_cast<double>(Row(b)[j]);
          gram_[a * m_ + b] = sum / n;
        }
      }
    }
  }

  LinearHead Solve(double l2) const {
    PITH_CHECK(l2 > 0, l2);
    std::vector<double> solved = SolveCholesky(l2), w = solved;
    if (!primal_) {
      w.assign(s_.width, 0);
      for (size_t i = 0; i < s_.n; ++i) {
        for (size_t j = 0; j < s_.width; ++j) w[j] += solved[i] / static_cast<double>(s_.n) * static_cast<double>(Row(i)[j]);
      }
    }
    LinearHead head;
    double bias = mean_y_;
    for (size_t j = 0; j < s_.width; ++j) {
      head.weights.push_back(static_cast<float>(w[j] * s_.scale[j]));
      bias -= static_cast<double>(head.weights.back()) * s_.mean[j];
    }
    head.bias = static_cast<float>(bias);
    return head;
  }

 private:
  const float* Row(size_t i) const { return s_.u.data() + i * s_.width; }

  // (G + λI) a = right, G = LLᵀ.
  std::vector<double> SolveCholesky(double l2) const {
    std::vector<double> l = gram_, a = right_;
    for (size_t i = 0; i < m_; ++i) l[i * m_ + i] += l2;
    for (size_t i = 0; i < m_; ++i) {
      for (size_t j = 0; j <= i; ++j) {
        double sum = l[i * m_ + j];
        for (size_t k = 0; k < j; ++k) sum -= l[i * m_ + k] * l[j * m_ + k];
        l[i * m_ + j] = i == j ? std::sqrt(sum) : sum / l[j * m_ + j];
      }
    }
    for (size_t i = 0; i < m_; ++i) {
      for (size_t k = 0; k < i; ++k) a[i] -= l[i * m_ + k] * a[k];
      a[i] /= l[i * m_ + i];
    }
    for (size_t i = m_; i-- > 0;) {
      for (size_t k = i + 1; k < m_; ++k) a[i] -= l[k * m_ + i] * a[k];
      a[i] /= l[i * m_ + i];
    }
    return a;
  }

  const Standardised s_;
  const bool primal_;
  const size_t m_;
  double mean_y_ = 0;
  std::vector<double> centred_, gram_, right_;  // gram_: the lower triangle
};

}  // namespace

RidgeData RidgeData::Rows(std::span<const size_t> rows) const {
  RidgeData part;
  part.width = width;
  for (const size_t i : rows) {
    const auto values = row(i);
    part.x.insert(part.x.end(), values.begin(), values.end());
    part.y.push_back(y[i]);
    part.group.push_back(group[i]);
  }
  return part;
}

LinearHead FitRidge(const RidgeData& data, double l2) { return RidgeSystem(data).Solve(l2); }

RidgeChoice ChooseRidge(const RidgeData& data, int folds) {
  const std::vector<int> fold_of = FoldsOf(data.group, folds);
  std::vector<std::vector<double>> unseen(std::size(kRidgeList), std::vector<double>(data.size()));
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<size_t> others, own;
    for (size_t i = 0; i < data.size(); ++i) (fold_of[i] == fold ? own : others).push_back(i);
    if (own.empty() || others.empty()) continue;
    const RidgeSystem system(data.Rows(others));
    for (size_t k = 0; k < std::size(kRidgeList); ++k) {
      const LinearHead head = system.Solve(kRidgeList[k]);
      for (const size_t i : own) unseen[k][i] = HeadLogit(head, data.row(i));
    }
  }
  RidgeChoice best;
  best.mean_squared_error = INFINITY;
  for (size_t k = 0; k < std::size(kRidgeList); ++k) {  // from the strongest on
    double error = 0;
    for (size_t i = 0; i < data.size(); ++i) error += (unseen[k][i] - data.y[i]) * (unseen[k][i] - data.y[i]);
    error /= static_cast<double>(data.size());
    if (error < best.mean_squared_error) best = {kRidgeList[k], error, std::move(unseen[k])};
  }
  return best;
}

}  // namespace pith
