#include "train/model/kernels.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "runtime/kernels/linear.h"
#include "train/model/kernel_set.h"

namespace pith {
namespace {

const KernelSet& Choose() {
  const char* wanted = std::getenv("PITH_ISA");
  const std::string_view isa = wanted == nullptr ? "" : wanted;
  if (isa != "" && isa != "scalar" && isa != "avx2" && isa != "avx512") {
    ThrowUser("PITH_ISA is '", isa, "'; expected scalar, avx2 or avx512");
  }
  const KernelSet* avx512 = Avx512Kernels();
  const KernelSet* avx2 = Avx2Kernels();
  if (avx512 != nullptr && (isa == "" || isa == "avx512")) return *avx512;
  if (avx2 != nullptr && (isa == "" || isa == "avx2")) return *avx2;
  if (isa == "avx2" || isa == "avx512") ThrowUser("PITH_ISA is '", isa, "', which this CPU cannot run");
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
