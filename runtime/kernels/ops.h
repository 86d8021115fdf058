// The small operations of a Llama-family layer. Every one is a scalar reference in ops_ref.cc and may have faster
// versions, tested against it. Single-threaded: the caller splits rows over the pool.
#pragma once

#include <cstdint>

#include "base/model_config.h"

namespace pith {

// y_D = x_D / sqrt(mean(x²) + eps) · w_D. y may alias x.
void RmsNorm(const float* x, const float* w, float* y, int64_t d, float eps);

// Rotates one head x_H in place for position `pos` (angles pos · theta^(−2i/H)). cos/sin tables: H/2 values each.
void RopeTable(int64_t pos, int64_t head_dim, double theta, float* cos, float* sin);
void Rope(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);

// y_F = silu(gate_F) · up_F, silu(x) = x / (1 + e^−x). y may alias gate.
void SwiGlu(const float* gate, const float* up, float* y, int64_t n);

// log Σ e^x over n values, in a numerically safe way.
float LogSumExp(const float* x, int64_t n);

}  // namespace pith
