// kInt8 with AVX-512 and VNNI.
#if defined(__AVX512VNNI__)
#include "runtime/kernels/int8_kernels.h"
#include "runtime/kernels/int8_panels.h"

namespace pith {

LinearKernel Avx512VnniInt8Kernel(TensorType type) { return Int8KernelOf<AnyNumberOfRows>(type); }

}  // namespace pith
#endif
