// kInt8 with the dot products of Armv8.2 (SDOT).
#if defined(__ARM_FEATURE_DOTPROD)
#include "runtime/kernels/int8_few_rows.h"
#include "runtime/kernels/int8_kernels.h"

namespace pith {

LinearKernel DotProdInt8Kernel(TensorType type) { return Int8KernelOf<FewRows>(type); }

}  // namespace pith
#endif
