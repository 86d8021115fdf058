// kF32 and kBF16 with NEON. There is no bf16 unit.
#if defined(__aarch64__)
#include "runtime/kernels/float_vectors_neon.h"

#include "runtime/kernels/float_linear.h"

namespace pith {

LinearKernel NeonFloatKernel(TensorType type, bool bf16) { return bf16 ? FloatKernelOf<ByPanels<FloatUnit<true>>>(type) : FloatKernelOf<ByPanels<FloatUnit<false>>>(type); }

}  // namespace pith
#endif
