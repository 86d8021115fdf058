// kernels.h with AVX-512.
#include "train/model/kernel_set.h"

#if defined(__AVX512F__)
#include "runtime/kernels/float_vectors_avx512.h"

#include "train/model/kernels_impl.h"

namespace pith {

const KernelSet* CompiledAvx512Kernels() { return &kSet; }

}  // namespace pith
#else
namespace pith {

const KernelSet* CompiledAvx512Kernels() { return nullptr; }

}  // namespace pith
#endif
