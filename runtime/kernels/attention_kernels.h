// Between attention.cc and the versions of each instruction set. Plain structs only, as in linear_kernels.h.
#pragma once

#include <cstdint>

#include "runtime/kernels/attention.h"

namespace pith {

// One query head of one token. It sees `length` tokens, from the beginning of page `begin` of AttendArgs::kv on, of which the first `skip` count
// for nothing.
struct AttendRow {
  const float* q;
  float* out;
  float* scores;  // of its tokens
  int64_t begin, length, skip;
};

struct AttendArgs {
  const AttendRow* rows;  // at most kMostAttendRows
  int64_t count;
  KvPages kv;
  int64_t key_dim, value_dim;  // head sizes
  float scale, soft_cap;
  // What is to be done: any of scores of pages [page_begin, page_end), weights, columns [column_begin, column_end).
  int64_t page_begin = 0, page_end = 0;
  bool weights = false;
  int64_t column_begin = 0, column_end = 0;
  float* factors = nullptr;  // by row
};

// All of it; `factors` is room for one of each row.
void AskForWhole(AttendArgs* args, float* factors);

// Between the scores (scaled already) and their softmax: the cap, and the lowest of scores for what is skipped.
void ShapeScores(const AttendArgs& args, const AttendRow& row);

void AttendRef(const AttendArgs& args);
// Head sizes that are multiples of 16 (kInt8: of 32).
void AttendAvx2(const AttendArgs& args);
void AttendAvx512(const AttendArgs& args);
void AttendNeon(const AttendArgs& args);
void AttendDotProd(const AttendArgs& args);  // AttendNeon, but over kInt8 with SDOT

}  // namespace pith
