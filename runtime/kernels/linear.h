// y = x · Wᵀ for weights as they lie in files, at three precisions of the activations.
//
//   x_MK: M rows of K floats.  W_NK: N rows, any TensorType.  y_MN: y[m][n] = Σ_k x[m][k] · W[n][k]
//
// Bitwise batch invariance: y[m][n] depends on x[m] and W[n] alone, not on M, on N or on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/tensor_view.h"
#include "base/thread_pool.h"

namespace pith {

enum class ActivationType {
  kF32,   // exact products of dequantised weights, float accumulation: the reference and the parity mode
  kBF16,  // x and dequantised weights rounded to bf16, float accumulation: rollouts
  kInt8,  // x quantised per group of 32 (Q8_0 style, absmax), integer products: serving. Weights without such kernels: as kBF16
};
const char* ActivationTypeName(ActivationType type);  // "f32" | "bf16" | "int8"

// Whether the instruction sets have kernels of their own for a type. The others (Q5_0, Q5_1, Q2_K to Q6_K, IQ4_XS) take a plain path:
// rows are dequantised and multiplied in f32 or bf16, one and the same loop on every set, which gives the same bits on all of them.
bool HasOwnKernels(TensorType type);
// F16, BF16 and F32 are multiplied as floats, and so is what takes the plain path.
bool HasInt8Kernel(TensorType type);

// Instruction sets, chosen at run time. Scalar is the reference, kept for ever.
enum class Isa { kScalar, kAvx2, kAvx512, kNeon, kDotProd, kI8mm };
const char* IsaName(Isa isa);
bool IsaAvailable(Isa isa);   // compiled in and supported by this CPU (kAvx512: F, BW, VL, DQ, VNNI, BF16; kI8mm: both of Arm's)
Isa BestIsa();                // the fastest available; PITH_ISA=scalar|avx2|avx512|neon|dotprod|i8mm in the environment overrides

// Activations of M rows prepared once and used by several matrices (q, k, v share their input).
// Buffers grow and are kept: no allocation in steady state. Not thread-safe.
class PreparedRows {
 public:
  PreparedRows();
  ~PreparedRows();
  // x: M rows of K floats, `stride` floats apart. Must outlive its use for kF32 (not copied). Many rows are shared out over
  // the pool, where one is given.
  void Prepare(const float* x, int64_t m, int64_t k, int64_t stride, ActivationType type, Isa isa, ThreadPool* pool = nullptr);
  // Makes room for Prepare() of so many rows, which then allocates nothing. std::bad_alloc where memory is full.
  void Reserve(int64_t m, int64_t k, ActivationType type, Isa isa);
  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// y[m·stride + n] = (accumulate ? y : 0) + scale · Σ_k x[begin + m][k] W[n][k], for m in [0, end − begin), n in [0, W.rows).
struct LinearJob {
  TensorView w;
  const PreparedRows* x = nullptr;
  float* y = nullptr;
  int64_t y_stride = 0;
  float scale = 1.0f;
  bool accumulate = false;
  int64_t begin = 0, end = -1;  // rows of x; end −1: all of them
};
// What an adapter adds to one of the products: y[(begin + m)·stride + n] += scale · Σ_r (Σ_k x[begin + m][k] A[r][k]) B[n][r], the inner
// sum rounded as x was.
struct LowRankJob {
  size_t job = 0;                    // of the same call: whose x and y these are; all of x's rows belong to it
  TensorView a, b;                   // rank × K, N × rank
  float scale = 1.0f;
  int64_t begin = 0, end = 0;        // rows of x
  float* low = nullptr;              // room for (end − begin) · rank floats
  PreparedRows* low_rows = nullptr;  // overwritten
};
// Several products in one pass of the pool, what adapters add to them included. No y may overlap another's, no two additions'
// rows of one y either.
void Linear(ThreadPool& pool, std::span<const LinearJob> jobs, std::span<const LowRankJob> added = {});

}  // namespace pith
