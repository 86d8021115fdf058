// Sums of products of large bf16 matrices with AMX: y_MN = Σ x_MK · W_KN (+ bias_N), added up in float32 and rounded to bf16 once.
//
// Rows of x become tiles A, columns of W tiles B (runtime/kernels/amx_tiles.h), both copied in the order in which the products read them:
// x whole, W a group of panels of 32 columns at a time, which stays in the second-level cache while all rows of x meet it. A sum runs over
// the terms and over K in order, so that nothing of it hangs on the other rows or on threads.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/kernels/float_types.h"

namespace pith {

struct TileTerm {
  const Bf16* x;  // M × depth, rows x_stride apart
  int64_t x_stride;
  const Bf16* w;  // N × depth where `transposed`, else depth × N; rows w_stride apart
  int64_t w_stride;
  int64_t depth;
  bool transposed;
};

class TileProduct {
 public:
  // y: M×N, rows y_stride apart; bias: N values or nullptr. `terms` is referred to.
  TileProduct(std::span<const TileTerm> terms, const Bf16* bias, int64_t m, int64_t n, Bf16* y, int64_t y_stride, int num_threads);

  // What is to be done, in this order, each number by any thread: PackRows() of all blocks of rows into `packed`, then Run() of all groups,
  // each with a scratch of its own. Both rooms are aligned to 64 bytes.
  int64_t num_row_blocks() const { return (m_ + kBlock - 1) / kBlock; }
  int64_t packed_bytes() const { return num_row_blocks() * kBlock * steps_ * kStepBytes; }
  void PackRows(int64_t block, uint8_t* packed) const;
  int64_t num_groups() const { return (num_panels() + group_ - 1) / group_; }
  int64_t scratch_bytes() const;
  void Run(int64_t group, const uint8_t* packed, uint8_t* scratch) const;

 private:
  static constexpr int64_t kBlock = 32;      // rows of x, and columns of W, of two tiles
  static constexpr int64_t kStepBytes = 64;  // of a row: 32 values
  int64_t num_panels() const { return (n_ + kBlock - 1) / kBlock; }
  void PackPanel(int64_t panel, int64_t begin, int64_t end, uint8_t* out) const;
  void Finish(const float* sums, int64_t block, int64_t panel) const;

  std::span<const TileTerm> terms_;
  const Bf16* bias_ = nullptr;
  int64_t m_ = 0, n_ = 0;
  Bf16* y_ = nullptr;
  int64_t y_stride_ = 0;
  int64_t steps_ = 0;        // of 32 values of K, of all terms, each filled up with zeros
  int64_t block_steps_ = 0;  // so many at a time
  int64_t group_ = 1;        // panels
};

}  // namespace pith
