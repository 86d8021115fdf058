// The softmax over the vectors of the float_vectors_*.h that was included before: the runtime's and the trainer's.
#pragma once

#include "runtime/kernels/float_exp.h"

namespace pith {
namespace {

// Turns scores into e^((score − max) · scale), scale > 0; returns their sum.
inline float Softmax(float* scores, int64_t length, float scale = 1.0f) {
  const float lowest = -__builtin_inff();
  Floats tops = Broadcast(lowest);
  for (int64_t i = 0; i < length; i += kLanes) tops = Max(tops, LoadFirst(scores + i, length - i, lowest));
  const Floats top = Broadcast(Largest(tops));
  Floats sum = Broadcast(0.0f);
  for (int64_t i = 0; i < length; i += kLanes) {
    const Floats e = Exp((LoadFirst(scores + i, length - i, lowest) - top) * Broadcast(scale));
    StoreFirst(scores + i, length - i, e);
    sum = sum + e;
  }
  return Sum(sum);
}

}  // namespace
}  // namespace pith
