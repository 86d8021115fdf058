// ops.h with NEON.
#if defined(__aarch64__)
#include "runtime/kernels/float_vectors_neon.h"

#include "runtime/kernels/float_ops.h"

namespace pith {

Ops OpsNeon() { return kVectorOps; }

}  // namespace pith
#endif
