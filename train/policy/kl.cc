#include "train/policy/kl.h"

#include <ATen/TensorOperators.h>

#include "base/error.h"

namespace pith {

KlEstimator KlEstimatorNamed(const std::string& name) {
  if (name == "k1") return KlEstimator::kK1;
  if (name == "k2") return KlEstimator::kK2;
  PITH_CHECK_EQ(name, "k3");
  return KlEstimator::kK3;
}

at::Tensor Kl(KlEstimator estimator, const at::Tensor& logp, const at::Tensor& ref_logp) {
  const at::Tensor d = ref_logp - logp;
  switch (estimator) {
    case KlEstimator::kK1: return -d;
    case KlEstimator::kK2: return 0.5 * d * d;
    case KlEstimator::kK3: break;
  }
  return d.exp() - d - 1.0;
}

}  // namespace pith
