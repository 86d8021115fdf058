// Differentiable operations between the matrix products of a decoder layer. Each is one fused pass (train/model/kernels.h).
//
// Shape suffixes: M rows (tokens of all sequences, packed), D model, F feed-forward. "T" is the layer's compute type
// (bfloat16 or float32); the residual stream is float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/model/model_config.h"
#include "train/model/kernels.h"

namespace pith {

// (x + delta, RMSNorm(x + delta) · weight). x_MD float32; weight_D float32. delta_MD of T; undefined only where x needs no
// gradient (the first layer). The norm is of `dtype`, with `slack` unused columns behind each row (RowsWithSlack of adapters/torch/lora_linear.h).
std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                                             double eps, int64_t slack, at::ScalarType dtype);

// f of a feed-forward: from its first matrices' products, [gate_F, up_F] in a row or up_F alone, of T, M×F with `slack`.
at::Tensor Activate(const at::Tensor& gate_up, FeedForward feed_forward, int64_t slack);

// RMSNorm over runs of weight_H's length, each run of the first `weights.size()` kinds by its own weight: a row of x_M(…) of T is
// counts[0] runs of the first kind, counts[1] of the second, …, and what is left, which stays as it is. Differentiable in x.
//   norms of queries and keys: weights {q_H, k_H}, counts {N, K}      a norm of whole rows: weights {w_D}, counts {1}
at::Tensor NormRuns(const at::Tensor& x, const std::vector<at::Tensor>& weights, const std::vector<int64_t>& counts, double eps);

// Calls body.operator()<T>() with T = float or Bf16.
template <class Body>
void WithComputeType(at::ScalarType dtype, const Body& body) {
  PITH_CHECK(dtype == at::kFloat || dtype == at::kBFloat16, at::toString(dtype));
  dtype == at::kFloat ? body.template operator()<float>() : body.template operator()<Bf16>();
}

template <class T>
T* Data(const at::Tensor& t) {
  if (!t.defined()) return nullptr;
  PITH_CHECK(t.scalar_type() == (std::is_same_v<T, float> ? at::kFloat : at::kBFloat16), at::toString(t.scalar_type()));
  return reinterpret_cast<T*>(t.data_ptr());
}

}  // namespace pith
