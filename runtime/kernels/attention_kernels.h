// Between attention.cc and the versions of each instruction set. Arguments as in attention.h.
#pragma once

#include <cstdint>

#include "runtime/kernels/attention.h"

namespace pith {

struct AttendArgs {
  const float* q;
  int64_t q_stride, heads;
  KvPages kv;
  int64_t length, head_dim;
  float scale;
  float* scores;  // heads × length
  float* out;
  int64_t out_stride;
};

void AttendRef(const AttendArgs& args);
// Head sizes that are multiples of 16.
void AttendAvx2(const AttendArgs& args);
void AttendAvx512(const AttendArgs& args);
void AttendNeon(const AttendArgs& args);

}  // namespace pith
