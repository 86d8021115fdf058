// kernels.h with AVX2.
#include "train/model/kernel_set.h"

#if defined(__AVX2__)
#include "runtime/kernels/float_vectors_avx2.h"

#include "train/model/kernels_impl.h"

namespace pith {

const KernelSet* CompiledAvx2Kernels() { return &kSet; }

}  // namespace pith
#else
namespace pith {

const KernelSet* CompiledAvx2Kernels() { return nullptr; }

}  // namespace pith
#endif
