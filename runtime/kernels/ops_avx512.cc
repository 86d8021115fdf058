// ops.h with AVX-512.
#if defined(__AVX512F__)
#include "runtime/kernels/float_vectors_avx512.h"

#include "runtime/kernels/float_ops.h"

namespace pith {

Ops OpsAvx512() { return kVectorOps; }

}  // namespace pith
#endif
