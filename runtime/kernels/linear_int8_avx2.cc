// kInt8 with AVX2: products of bytes are summed in 16 bits, as many as fit.
#if defined(__AVX2__)
#include "runtime/kernels/int8_kernels.h"
#include "runtime/kernels/int8_panels.h"

namespace pith {

LinearKernel Avx2Int8Kernel(TensorType type) { return Int8KernelOf<AnyNumberOfRows>(type); }

}  // namespace pith
#endif
