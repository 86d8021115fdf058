// All kernels of one instruction set (private to kernels*.cc).
#pragma once

#include "train/model/kernels.h"

namespace pith {

struct KernelSet {
  RowKernels<float> f32;
  RowKernels<Bf16> bf16;
  void (*adamw)(const AdamWStep& s, const float* grad, int64_t n, float* value, float* m, float* v);
  double (*squares)(const float* x, int64_t n);
};

const KernelSet& BaseKernels();
const KernelSet* Avx2Kernels();    // nullptr when this build or CPU lacks it
const KernelSet* Avx512Kernels();
// Whatever this CPU is, nullptr where this build is for another architecture: of files that are compiled for these instruction sets.
const KernelSet* CompiledAvx2Kernels();
const KernelSet* CompiledAvx512Kernels();

}  // namespace pith
