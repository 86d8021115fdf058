// Between linear.cc and the kernels of each instruction set. Plain structs only: the files that include this header are
// compiled for newer instruction sets, so an inline function shared with the rest of the program could leak such code
// into it.
#pragma once

#include <cstdint>

#include "base/tensor_type.h"
#include "runtime/kernels/linear.h"

namespace pith {

// What belongs to the 32 codes q of one group of a row, kInt8.
struct RowGroup {
  float d, d_sum;              // scale; d · Σ q
  int32_t minus8, minus8_low;  // −8 · Σ q: what kernels add for codes that are multiplied with a bias; of the first 16
};

// M prepared rows. `padded` is k rounded up to 32; what lies beyond k is zero in every buffer but a borrowed `f32`.
struct RowsView {
  int64_t m = 0, k = 0, padded = 0, blocks = 0;
  // kF32: the values (borrowed from the caller where k is a multiple of 32). kBF16 without a bf16 unit: the values
  // rounded to bf16, as floats.
  const float* f32 = nullptr;
  int64_t f32_stride = 0;
  const uint16_t* bf16 = nullptr;  // [m][padded], kAvx512 and kAmx
  // kBF16 with kAmx, too: sixteen rows after sixteen, zeros after the last, their values 2i and 2i + 1 side by side: [m / 16][padded / 2][16]. The
  // first row is column `pair_shift` of the first sixteen.
  const uint32_t* bf16_pairs = nullptr;
  int64_t pair_shift = 0;
  // kInt8, per group of 32: x ≈ d · q, |q| ≤ 127.
  const int8_t* q = nullptr;            // [m][padded]
  const RowGroup* groups = nullptr;     // [m][blocks], and kSpareRows rows more that may be read
};

inline constexpr int64_t kSpareRows = 3;

// Bytes of weights to ask for that long before they are read; 0: none. `near`: into the cache next to the core, which is small; else
// into the one behind it.
struct Prefetch {
  int64_t bytes = 0;
  bool near = false;
};

// A matrix and where its products go.
struct LinearTask {
  const uint8_t* w = nullptr;
  int64_t row_bytes = 0;
  int64_t n = 0;        // rows of w
  float* y = nullptr;
  int64_t y_stride = 0;
  float scale = 1.0f;
  bool accumulate = false;
  // How, not what: any choice gives the same bits (linear_plan.h).
  Prefetch prefetch = {};
  int few_rows = 0;       // at most so many rows of x are a few (int8_few_rows.h), and
  int register_rows = 0;  // at most so many a handful (int8_registers.h)
  int tile_rows = 0;      // at least so many are for tiles (int8_tiles.h); 0: none
};

// Rows [begin, end) of the matrix times all prepared rows. `scratch`: 64-byte aligned, of at least
// LinearScratchBytes(padded), this thread's own.
using LinearKernel = void (*)(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch);

// Rows of weights that a kernel takes at a time; ranges handed to it start at multiples of this.
inline constexpr int64_t kRowGroup = 32;
// Bytes per value of the largest panel of kRowGroup rows (floats), with room for scales.
constexpr int64_t LinearScratchBytes(int64_t padded) { return kRowGroup * (padded + 64) * 4; }

// kF32 or kBF16 for types without HasFloatKernel(), on every set.
LinearKernel PlainLinearKernel(TensorType type, ActivationType precision);
// The reference: kInt8 for types with HasInt8Kernel(), else those with HasFloatKernel().
LinearKernel ScalarLinearKernel(TensorType type, ActivationType precision);

// kInt8, for types with HasInt8Kernel(). All of these, and the reference, give the same bits.
LinearKernel Avx2Int8Kernel(TensorType type);
LinearKernel AvxVnniInt8Kernel(TensorType type);
LinearKernel Avx512BwInt8Kernel(TensorType type);
LinearKernel Avx512VnniInt8Kernel(TensorType type);
LinearKernel AmxInt8Kernel(TensorType type);
LinearKernel NeonInt8Kernel(TensorType type);     // of every 64-bit Arm
LinearKernel DotProdInt8Kernel(TensorType type);  // with SDOT (8.2)
LinearKernel I8mmInt8Kernel(TensorType type);     // with SMMLA (8.6)

// kF32 or kBF16, for types with HasFloatKernel().
LinearKernel Avx2FloatKernel(TensorType type, bool bf16);
LinearKernel Avx512FloatKernel(TensorType type, bool bf16);
LinearKernel AmxBf16Kernel(TensorType type);
LinearKernel NeonFloatKernel(TensorType type, bool bf16);

// Quantises `padded` values (a multiple of 32) in groups of 32: d = max|x| / 127, q = x · (127 / max|x|) rounded to nearest
// even. A group below 2^−119, whose d would be subnormal and 127 / max|x| soon infinite, counts as zeros (d = 0); one that
// holds an infinity or NaN has d = NaN, so that nothing that comes of it is a number. The same bits on every instruction set.
void QuantiseRowRef(const float* x, int64_t padded, int8_t* q, RowGroup* groups);
void QuantiseRowAvx2(const float* x, int64_t padded, int8_t* q, RowGroup* groups);
void QuantiseRowAvx512(const float* x, int64_t padded, int8_t* q, RowGroup* groups);
void QuantiseRowNeon(const float* x, int64_t padded, int8_t* q, RowGroup* groups);
// What follows from the scale and the sums of the first and the last 16 codes.
// OutOfRange: whether a group of 32 is one of those two kinds, as told by its largest |x| as an integer; then it is written.
// (In a namespace of each file's own: see the top.)
namespace {
inline RowGroup GroupOfSums(float d, int32_t first, int32_t second) {
  return {d, d * static_cast<float>(first + second), -8 * (first + second), -8 * first};
}
inline bool OutOfRange(uint32_t max_bits, int8_t* q, RowGroup* group) {
  constexpr uint32_t kSmallest = (127u - 119u) << 23, kInfinity = 0x7f800000u;
  if (max_bits - kSmallest < kInfinity - kSmallest) return false;
  __builtin_memset(q, 0, kBlockSize);
  const float d = max_bits < kSmallest ? 0.0f : __builtin_nanf("");
  *group = {d, d, 0, 0};
  return true;
}
}  // namespace
// Rounded to nearest even, as bf16 or as floats.
void RoundRowToBf16Avx2(const float* x, int64_t padded, float* out);
void RoundRowToBf16Neon(const float* x, int64_t padded, float* out);
void RoundRowToBf16Avx512(const float* x, int64_t padded, uint16_t* out);
// bf16_pairs of up to sixteen rows.
inline constexpr int64_t kPairRows = 16;
void PackPairsAmx(const uint16_t* bf16, int64_t rows, int64_t padded, uint32_t* out);

}  // namespace pith
