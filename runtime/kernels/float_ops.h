// ops.h over the vectors of the float_vectors_*.h that was included before. What is missing of the last vector is filled with values that add
// nothing, so a result depends on its values alone.
#pragma once

#include "runtime/kernels/float_exp.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {
namespace {

void RmsNormOf(const float* x, const float* w, float* y, int64_t d, float eps) {
  Floats sums[4] = {Broadcast(0.0f), Broadcast(0.0f), Broadcast(0.0f), Broadcast(0.0f)};
  int64_t i = 0;
  for (; i + 4 * kLanes <= d; i += 4 * kLanes) {
    for (int j = 0; j < 4; ++j) {
      const Floats v = Load(x + i + j * kLanes);
      sums[j] = MultiplyAdd(v, v, sums[j]);
    }
  }
  for (; i < d; i += kLanes) {
    const Floats v = LoadFirst(x + i, d - i);
    sums[0] = MultiplyAdd(v, v, sums[0]);
  }
  const float sum = Sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  const Floats factor = Broadcast(1.0f / __builtin_sqrtf(sum / static_cast<float>(d) + eps));
  for (i = 0; i < d; i += kLanes) StoreFirst(y + i, d - i, LoadFirst(x + i, d - i) * factor * LoadFirst(w + i, d - i));
}

void RopeOf(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout) {
  const int64_t half = head_dim / 2;
  const bool halves = layout == RopeLayout::kHalves;
  int64_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {  // unfused, as the reference
    const Floats c = Load(cos + i), s = Load(sin + i);
    Floats a, b;
    if (halves) a = Load(x + i), b = Load(x + half + i);
    else LoadPairs(x + 2 * i, &a, &b);
    const Floats turned_a = a * c - b * s, turned_b = a * s + b * c;
    if (halves) Store(x + i, turned_a), Store(x + half + i, turned_b);
    else StorePairs(x + 2 * i, turned_a, turned_b);
  }
  for (; i < half; ++i) {
    float& a = x[halves ? i : 2 * i];
    float& b = x[halves ? i + half : 2 * i + 1];
    const float turned = a * cos[i] - b * sin[i];
    b = a * sin[i] + b * cos[i];
    a = turned;
  }
}

void SwiGluOf(const float* gate, const float* up, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Floats g = LoadFirst(gate + i, n - i);
    StoreFirst(y + i, n - i, g / (Broadcast(1.0f) + Exp(-g)) * LoadFirst(up + i, n - i));
  }
}

void GeGluOf(const float* gate, const float* up, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Floats g = LoadFirst(gate + i, n - i), t = g * MultiplyAdd(Broadcast(kGeluCubic), g * g, Broadcast(kGeluLinear));
    StoreFirst(y + i, n - i, g / (Broadcast(1.0f) + Exp(-t)) * LoadFirst(up + i, n - i));
  }
}

void ReluSquaredOf(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Floats positive = Max(Broadcast(0.0f), LoadFirst(x + i, n - i));
    StoreFirst(y + i, n - i, positive * positive);
  }
}

float LogSumExpOf(const float* x, int64_t n) {
  const float lowest = -__builtin_inff();
  Floats tops = Broadcast(lowest);
  for (int64_t i = 0; i < n; i += kLanes) tops = Max(tops, LoadFirst(x + i, n - i, lowest));
  const float top = Largest(tops);
  if (__builtin_isinf(top)) return top;
  constexpr int64_t kRun = 64 * kLanes;  // summed in float, then in double
  double total = 0.0;
  for (int64_t i = 0; i < n;) {
    const int64_t stop = n - i < kRun ? n : i + kRun;
    Floats sum = Broadcast(0.0f);
    for (; i < stop; i += kLanes) sum = sum + Exp(LoadFirst(x + i, stop - i, lowest) - Broadcast(top));
    total += static_cast<double>(Sum(sum));
  }
  return top + static_cast<float>(__builtin_log(total));
}

constexpr Ops kVectorOps = {RmsNormOf, RopeOf, SwiGluOf, GeGluOf, ReluSquaredOf, LogSumExpOf};

}  // namespace
}  // namespace pith
