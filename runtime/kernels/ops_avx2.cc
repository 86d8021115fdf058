// ops.h with AVX2 and FMA.
#if defined(__AVX2__)
#include "runtime/kernels/float_vectors_avx2.h"

#include "runtime/kernels/float_ops.h"

namespace pith {

Ops OpsAvx2() { return kVectorOps; }

}  // namespace pith
#endif
