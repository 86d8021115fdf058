#include "adapters/linear_head.h"

#include <cmath>

#include "base/error.h"

namespace pith {

double HeadLogit(const LinearHead& head, std::span<const float> hidden_D) {
  PITH_CHECK_EQ(hidden_D.size(), head.weights.size());
  double sum = 0;
  for (size_t i = 0; i < hidden_D.size(); ++i) sum += static_cast<double>(head.weights[i]) * hidden_D[i];
  return sum + head.bias;
}

double Probability(double logit) { return 1.0 / (1.0 + std::exp(-logit)); }

}  // namespace pith
