// Estimators of KL(policy ‖ reference) from the tokens that the policy sampled (J. Schulman, "Approximating KL divergence", 2020).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace pith {

enum class KlEstimator { kK1, kK2, kK3 };
KlEstimator KlEstimatorNamed(const std::string& name);  // "k1" | "k2" | "k3"

// Per token, with d = ref_logp − logp; differentiable in logp.
//   k1 = −d            unbiased, of any sign. In a loss its gradient on-policy is ∇log p, whose expectation is zero.
//   k2 = d²/2          biased; on-policy its gradient is the true one of the reverse KL
//   k3 = e^d − d − 1   unbiased, never negative
at::Tensor Kl(KlEstimator estimator, const at::Tensor& logp, const at::Tensor& ref_logp);

}  // namespace pith
