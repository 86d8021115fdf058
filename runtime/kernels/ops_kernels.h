// Between ops.cc and the versions of each instruction set. See ops.h for the formulas.
#pragma once

#include <cstdint>

#include "base/rotary.h"

namespace pith {

struct Ops {
  void (*rms_norm)(const float* x, const float* w, float* y, int64_t d, float eps);
  void (*rope)(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);
  void (*swiglu)(const float* gate, const float* up, float* y, int64_t n);
  void (*geglu)(const float* gate, const float* up, float* y, int64_t n);
  void (*relu_squared)(const float* x, float* y, int64_t n);
  float (*log_sum_exp)(const float* x, int64_t n);
};

Ops OpsRef();
Ops OpsAvx2();
Ops OpsAvx512();
Ops OpsNeon();

}  // namespace pith
