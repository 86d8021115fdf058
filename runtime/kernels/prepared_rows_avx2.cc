#if defined(__AVX2__)
#include "runtime/kernels/float_vectors_avx2.h"

#include "runtime/kernels/float_quantise.h"

namespace pith {

void QuantiseRowAvx2(const float* x, int64_t padded, int8_t* q, RowGroup* groups) { QuantiseRowOf(x, padded, q, groups); }

void RoundRowToBf16Avx2(const float* x, int64_t padded, float* out) {
  for (int64_t i = 0; i < padded; i += kLanes) Store(out + i, RoundToBf16(Load(x + i)));
}

}  // namespace pith
#endif
