// kInt8 with AVX-512 without VNNI (Skylake servers): panels of 512 bits, products as AVX2 has them.
#if defined(__AVX512BW__)
#include "runtime/kernels/int8_kernels.h"
#include "runtime/kernels/int8_panels.h"

namespace pith {

LinearKernel Avx512BwInt8Kernel(TensorType type) { return Int8KernelOf<AnyNumberOfRows>(type); }

}  // namespace pith
#endif
