// Chooses the version of each small operation for this processor.
#include "runtime/kernels/ops.h"

#include <cmath>

#include "runtime/kernels/linear.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {
namespace {

const Ops& Best() {
  static const Ops ops = [] {
#if defined(__x86_64__)
    switch (FloatIsa(BestIsa())) {
      case Isa::kAvx512: return OpsAvx512();
      case Isa::kAvx2: return OpsAvx2();
      default: break;
    }
#elif defined(__aarch64__)
    if (BestIsa() != Isa::kScalar) return OpsNeon();
#endif
    return OpsRef();
  }();
  return ops;
}

}  // namespace

void RopeTable(int64_t pos, const Rotary& rotary, float* cos, float* sin) {
  for (size_t i = 0; i < rotary.frequencies.size(); ++i) {
    // Angles in double: at position 8000 a float angle is off by 2^-11 already.
    const double angle = static_cast<double>(pos) * rotary.frequencies[i];
    cos[i] = static_cast<float>(std::cos(angle) * rotary.magnitude);
    sin[i] = static_cast<float>(std::sin(angle) * rotary.magnitude);
  }
}

void RmsNorm(const float* x, const float* w, float* y, int64_t d, float eps) { Best().rms_norm(x, w, y, d, eps); }

void Rope(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout) {
  Best().rope(x, cos, sin, head_dim, layout);
}

void SwiGlu(const float* gate, const float* up, float* y, int64_t n) { Best().swiglu(gate, up, y, n); }

void GeGlu(const float* gate, const float* up, float* y, int64_t n) { Best().geglu(gate, up, y, n); }

void ReluSquared(const float* x, float* y, int64_t n) { Best().relu_squared(x, y, n); }

float LogSumExp(const float* x, int64_t n) { return Best().log_sum_exp(x, n); }

}  // namespace pith
