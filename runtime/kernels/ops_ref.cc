// The scalar references of ops.h, kept for ever.
#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {
namespace {

void RmsNormRef(const float* x, const float* w, float* y, int64_t d, float eps) {
  float sum = 0.0f;
  for (int64_t i = 0; i < d; ++i) sum += x[i] * x[i];
  const float factor = 1.0f / std::sqrt(sum / static_cast<float>(d) + eps);
  for (int64_t i = 0; i < d; ++i) y[i] = x[i] * factor * w[i];
}

void RopeRef(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout) {
  const int64_t half = head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    float& a = x[layout == RopeLayout::kHalves ? i : 2 * i];
    float& b = x[layout == RopeLayout::kHalves ? i + half : 2 * i + 1];
    const float rotated = a * cos[i] - b * sin[i];
    b = a * sin[i] + b * cos[i];
    a = rotated;
  }
}

void SwiGluRef(const float* gate, const float* up, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void GeGluRef(const float* gate, const float* up, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float x = gate[i], t = x * (kGeluLinear + kGeluCubic * x * x);
    y[i] = x / (1.0f + std::exp(-t)) * up[i];
  }
}

void ReluSquaredRef(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float positive = x[i] < 0.0f ? 0.0f : x[i];
    y[i] = positive * positive;
  }
}

float LogSumExpRef(const float* x, int64_t n) {
  float top = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) top = std::max(top, x[i]);
  if (std::isinf(top)) return top;
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(std::exp(x[i] - top));
  return top + static_cast<float>(std::log(sum));
}

}  // namespace

Ops OpsRef() { return {RmsNormRef, RopeRef, SwiGluRef, GeGluRef, ReluSquaredRef, LogSumExpRef}; }

}  // namespace pith
