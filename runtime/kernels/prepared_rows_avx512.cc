#if defined(__AVX512F__)
#include "runtime/kernels/float_vectors_avx512.h"

#include "runtime/kernels/float_quantise.h"

namespace pith {

void QuantiseRowAvx512(const float* x, int64_t padded, int8_t* q, RowGroup* groups) { QuantiseRowOf(x, padded, q, groups); }

void RoundRowToBf16Avx512(const float* x, int64_t padded, uint16_t* out) {
  for (int64_t i = 0; i < padded; i += 32) {
    _mm512_storeu_si512(out + i, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(Load(x + i + 16), Load(x + i))));
  }
}

}  // namespace pith
#endif
