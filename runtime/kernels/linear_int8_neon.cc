// kInt8 with the NEON of every 64-bit Arm.
#if defined(__aarch64__)
#include "runtime/kernels/int8_few_rows.h"
#include "runtime/kernels/int8_kernels.h"

namespace pith {

LinearKernel NeonInt8Kernel(TensorType type) { return Int8KernelOf<FewRows>(type); }

}  // namespace pith
#endif
