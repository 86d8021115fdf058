#include "train/model/kernels.h"

#include "runtime/kernels/linear.h"
#include "train/model/kernel_set.h"

namespace pith {
namespace {

// The trainer's own kernels know three sets, the runtime's names more: each gets the widest that it includes.
const KernelSet& Choose() {
  const Isa isa = BestIsa();
  if (isa == Isa::kScalar) return BaseKernels();
  const bool wide = isa != Isa::kAvx2 && isa != Isa::kAvxVnni;
  if (const KernelSet* avx512 = wide ? Avx512Kernels() : nullptr) return *avx512;
  if (const KernelSet* avx2 = Avx2Kernels()) return *avx2;
  return BaseKernels();
}

const KernelSet& Set() {
  static const KernelSet& set = Choose();
  return set;
}

}  // namespace

const KernelSet* Avx2Kernels() { return IsaAvailable(Isa::kAvx2) ? CompiledAvx2Kernels() : nullptr; }
const KernelSet* Avx512Kernels() { return IsaAvailable(Isa::kAvx512Bw) ? CompiledAvx512Kernels() : nullptr; }

template <>
const RowKernels<float>& Kernels<float>() {
  return Set().f32;
}
template <>
const RowKernels<Bf16>& Kernels<Bf16>() {
  return Set().bf16;
}
void AdamWUpdate(const AdamWStep& s, const float* grad, int64_t n, float* value, float* m, float* v) {
  Set().adamw(s, grad, n, value, m, v);
}
double SumOfSquares(const float* x, int64_t n) { return Set().squares(x, n); }

}  // namespace pith
