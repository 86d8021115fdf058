// Between linear.cc and the kernels of each instruction set. Plain structs only: the files that include this header are
// compiled for newer instruction sets, so an inline function shared with the rest of the program could leak such code
// into it.
#pragma once

#include <cstdint>

#include "base/tensor_type.h"
#include "runtime/kernels/linear.h"

namespace pith {

// M prepared rows. `padded` is k rounded up to 32; what lies beyond k is zero in every buffer but a borrowed `f32`.
struct RowsView {
  int64_t m = 0, k = 0, padded = 0, blocks = 0;
  // kF32: the values (borrowed from the caller where k is a multiple of 32). kBF16 without a bf16 unit: the values
  // rounded to bf16, as floats.
  const float* f32 = nullptr;
  int64_t f32_stride = 0;
  const uint16_t* bf16 = nullptr;  // [m][padded], kAvx512 alone
  // kInt8, per group of 32: x ≈ d · q, |q| ≤ 127.
  const int8_t* q = nullptr;       // [m][padded]
  const float* d = nullptr;        // [m][blocks]
  const float* d_sum = nullptr;    // [m][blocks] d · Σ q
  const int32_t* sum = nullptr;    // [m][blocks] Σ q
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
};

// Rows [begin, end) of the matrix times all prepared rows. `scratch`: 64-byte aligned, of at least
// LinearScratchBytes(padded), this thread's own.
using LinearKernel = void (*)(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch);

// Rows of weights that a kernel takes at a time; ranges handed to it start at multiples of this.
inline constexpr int64_t kRowGroup = 32;
// Bytes per value of the largest panel of kRowGroup rows (floats), with room for scales.
constexpr int64_t LinearScratchBytes(int64_t padded) { return kRowGroup * (padded + 64) * 4; }

// For types without HasOwnKernels(), on every set; kF32 or kBF16.
LinearKernel PlainLinearKernel(TensorType type, ActivationType precision);
// Each set's kernels, by type of weight. `precision` kInt8 is asked for weights with HasInt8Kernel() alone.
LinearKernel ScalarLinearKernel(TensorType type, ActivationType precision);
LinearKernel Avx2LinearKernel(TensorType type, ActivationType precision);
LinearKernel Avx512LinearKernel(TensorType type, ActivationType precision);
// Armv8's NEON; with SDOT (8.2); with SMMLA (8.6). All three give the same bits.
LinearKernel NeonLinearKernel(TensorType type, ActivationType precision);
LinearKernel DotProdLinearKernel(TensorType type, ActivationType precision);
LinearKernel I8mmLinearKernel(TensorType type, ActivationType precision);

// Parts of the above, in files of their own.
LinearKernel Avx2FloatKernel(TensorType type, bool bf16);
LinearKernel Avx512FloatKernel(TensorType type, bool bf16);
LinearKernel NeonFloatKernel(TensorType type, bool bf16);
LinearKernel Avx512FewRowsKernel(TensorType type);  // kInt8, at most kFewRows rows of x; bitwise as many rows at once
inline constexpr int64_t kFewRows = 4;

// Quantises `padded` values (a multiple of 32) in groups of 32: d = max|x| / 127, q = x · (127 / max|x|) rounded to nearest
// even. A group below 2^−119, whose d would be subnormal and 127 / max|x| soon infinite, counts as zeros (d = 0); one that
// holds an infinity or NaN has d = NaN, so that nothing that comes of it is a number. The same bits on every instruction set.
void QuantiseRowRef(const float* x, int64_t padded, int8_t* q, float* d, float* d_sum, int32_t* sum);
void QuantiseRowAvx2(const float* x, int64_t padded, int8_t* q, float* d, float* d_sum, int32_t* sum);
void QuantiseRowAvx512(const float* x, int64_t padded, int8_t* q, float* d, float* d_sum, int32_t* sum);
void QuantiseRowNeon(const float* x, int64_t padded, int8_t* q, float* d, float* d_sum, int32_t* sum);
// Whether a group of 32 is one of those two kinds, as told by its largest |x| as an integer; then it is written.
// (In a namespace of each file's own: see the top.)
namespace {
inline bool OutOfRange(uint32_t max_bits, int8_t* q, float* d, float* d_sum, int32_t* sum) {
  constexpr uint32_t kSmallest = (127u - 119u) << 23, kInfinity = 0x7f800000u;
  if (max_bits - kSmallest < kInfinity - kSmallest) return false;
  __builtin_memset(q, 0, kBlockSize);
  *d = *d_sum = max_bits < kSmallest ? 0.0f : __builtin_nanf("");
  *sum = 0;
  return true;
}
}  // namespace
// Rounded to nearest even, as bf16 or as floats.
void RoundRowToBf16Avx2(const float* x, int64_t padded, float* out);
void RoundRowToBf16Neon(const float* x, int64_t padded, float* out);
void RoundRowToBf16Avx512(const float* x, int64_t padded, uint16_t* out);

}  // namespace pith
