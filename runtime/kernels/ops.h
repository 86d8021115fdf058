// The small operations of a decoder's layer. Every one is a scalar reference in ops_ref.cc and may have faster
// versions, tested against it. Single-threaded: the caller splits rows over the pool.
#pragma once

#include <cstdint>

#include "base/rotary.h"

namespace pith {

// y_D = x_D / sqrt(mean(x²) + eps) · w_D. y may alias x.
void RmsNorm(const float* x, const float* w, float* y, int64_t d, float eps);

// Rotates the first `head_dim` values of a head in place for position `pos`. cos/sin tables: a value for each frequency.
void RopeTable(int64_t pos, const Rotary& rotary, float* cos, float* sin);
void Rope(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);

// y_F = silu(gate_F) · up_F, silu(x) = x / (1 + e^−x). y may alias gate.
void SwiGlu(const float* gate, const float* up, float* y, int64_t n);

// y_F = gelu(gate_F) · up_F, gelu(x) = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))) = x / (1 + e^−2√(2/π)(x + 0.044715 x³)). y may alias gate.
void GeGlu(const float* gate, const float* up, float* y, int64_t n);
inline constexpr float kGeluLinear = 1.5957691216057308f, kGeluCubic = 0.07135481282806486f;  // 2√(2/π), and times 0.044715

// y_F = relu(x_F)², relu(x) = max(x, 0). y may alias x.
void ReluSquared(const float* x, float* y, int64_t n);

// log Σ e^x over n values, in a numerically safe way.
float LogSumExp(const float* x, int64_t n);

}  // namespace pith
