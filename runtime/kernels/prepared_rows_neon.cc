#if defined(__aarch64__)
#include "runtime/kernels/float_vectors_neon.h"

#include "runtime/kernels/float_quantise.h"

namespace pith {

void QuantiseRowNeon(const float* x, int64_t padded, int8_t* q, RowGroup* groups) { QuantiseRowOf(x, padded, q, groups); }

void RoundRowToBf16Neon(const float* x, int64_t padded, float* out) {
  for (int64_t i = 0; i < padded; i += kLanes) Store(out + i, RoundToBf16(Load(x + i)));
}

}  // namespace pith
#endif
