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
  // What is to be done: any of scores of pages [page_begin, page_end), weights, columns [column_begin, column_end).
  int64_t page_begin = 0, page_end = 0;
  bool weights = false;
  int64_t column_begin = 0, column_end = 0;
  float* factors = nullptr;  // by head
};

// All of it; `factors` is room for one of each head.
void AskForWhole(AttendArgs* args, float* factors);

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
