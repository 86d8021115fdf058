// Between attention.cc and the versions of each instruction set. Arguments as in attention.h.
#pragma once

#include <cstdint>

#include "runtime/kernels/attention.h"

namespace pith {

struct AttendArgs {
  const float* q;
  int64_t q_stride, heads;
  KvPages kv;
  int64_t length;
  int64_t skip;  // of the first page's tokens: they count for nothing
  int64_t key_dim, value_dim;  // head sizes
  float scale, soft_cap;
  float* scores;  // heads × length
  float* out;
  int64_t out_stride;
};

// Between the scores (scaled already) and their softmax: the cap, and the lowest of scores for what is skipped.
void ShapeScores(const AttendArgs& args, float* scores);

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
