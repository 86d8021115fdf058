// kF32 and kBF16 with AVX2 and FMA. There is no bf16 unit.
#if defined(__AVX2__)
#include "runtime/kernels/float_vectors_avx2.h"

#include "runtime/kernels/float_linear.h"

namespace pith {

LinearKernel Avx2FloatKernel(TensorType type, bool bf16) { return bf16 ? FloatKernelOf<ByPanels<FloatUnit<true>>>(type) : FloatKernelOf<ByPanels<FloatUnit<false>>>(type); }

}  // namespace pith
#endif
