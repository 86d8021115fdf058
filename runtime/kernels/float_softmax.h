// The softmax of attention's scores over the vectors of the float_vectors_*.h that was included before.
#pragma once

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/float_exp.h"

namespace pith {
namespace {

// Turns scores into e^(score − max); returns their sum.
inline float Softmax(float* scores, int64_t length) {
  const float lowest = -__builtin_inff();
  Floats tops = Broadcast(lowest);
  for (int64_t i = 0; i < length; i += kLanes) tops = Max(tops, LoadFirst(scores + i, length - i, lowest));
  const Floats top = Broadcast(Largest(tops));
  Floats sum = Broadcast(0.0f);
  for (int64_t i = 0; i < length; i += kLanes) {
    const Floats e = Exp(LoadFirst(scores + i, length - i, lowest) - top);
    StoreFirst(scores + i, length - i, e);
    sum = sum + e;
  }
  return Sum(sum);
}

// A row's scores become its weights; returns what these are to be multiplied with.
inline float Weigh(const AttendArgs& a, const AttendRow& row) {
  if (a.soft_cap > 0 || row.skip > 0) ShapeScores(a, row);
  return 1.0f / Softmax(row.scores, row.length);
}

}  // namespace
}  // namespace pith
