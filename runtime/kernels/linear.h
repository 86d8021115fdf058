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

// Whether instruction sets have kernels of their own for a type: in f32 and bf16; with int8 activations. Without the former, rows are
// dequantised and multiplied by one and the same loop on every set, which gives the same bits on all of them (Q5_0, Q5_1, Q2_K to Q6_K,
// IQ4_XS); without the latter (F16, BF16, F32; Q2_K, Q3_K) they are multiplied as with kBF16.
bool HasFloatKernel(TensorType type);
bool HasInt8Kernel(TensorType type);

// Instruction sets, chosen at run time. Scalar is the reference, kept for ever.
enum class Isa {
  kScalar,
  kAvx2,        // with FMA and F16C
  kAvxVnni,     // and AVX's own VNNI
  kAvx512Bw,    // F, BW, VL, DQ
  kAvx512Vnni,  // and VNNI
  kAvx512,      // and BF16
  kAmx,         // and AMX with its products of bytes and of bf16, where the system lets programs use it
  kNeon,        // of every 64-bit Arm
  kDotProd,
  kI8mm,        // both of Arm's
};
inline constexpr Isa kIsas[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Bw, Isa::kAvx512Vnni, Isa::kAvx512, Isa::kAmx, Isa::kNeon, Isa::kDotProd, Isa::kI8mm};
const char* IsaName(Isa isa);
bool IsaAvailable(Isa isa);   // compiled in and supported by this processor
Isa BestIsa();                // the fastest available; PITH_ISA=NAME in the environment overrides
Isa FloatIsa(Isa isa);        // whose kernels it takes for all but products of int8 (and bf16: kAmx): kAvx2 for what lies between it and kAvx512, which kAmx takes

// Activations of M rows prepared once and used by several matrices (q, k, v share their input).
// Buffers grow and are kept: no allocation in steady state. Not thread-safe.
class PreparedRows {
 public:
  PreparedRows();
  ~PreparedRows();
  // x: M rows of K floats, `stride` floats apart. Must outlive every use: kF32 does not copy it, and with kInt8 it becomes bf16 only when
  // a matrix without int8 kernels asks for it. Many rows are shared out over the pool, where one is given.
  void Prepare(const float* x, int64_t m, int64_t k, int64_t stride, ActivationType type, Isa isa, ThreadPool* pool = nullptr);
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
