// kInt8 with AVX2 and its VNNI (client processors without AVX-512).
#if defined(__AVXVNNI__)
#include "runtime/kernels/int8_kernels.h"
#include "runtime/kernels/int8_panels.h"

namespace pith {

LinearKernel AvxVnniInt8Kernel(TensorType type) { return Int8KernelOf<AnyNumberOfRows>(type); }

}  // namespace pith
#endif
