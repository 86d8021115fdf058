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
// Head sizes that are multiples of 16 (kInt8: of 32).
void AttendAvx2(const AttendArgs& args);
void AttendAvx512(const AttendArgs& args);
void AttendNeon(const AttendArgs& args);
void AttendDotProd(const AttendArgs& args);     // AttendNeon, but over kInt8 with SDOT
void AttendInt8Avx2(const AttendArgs& args);    // parts of the above, in files of their own
void AttendInt8Avx512(const AttendArgs& args);
void AttendInt8Neon(const AttendArgs& args);

}  // namespace pith
