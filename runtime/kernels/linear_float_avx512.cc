// kF32 and kBF16 with AVX-512, which multiplies bf16 in pairs: panels hold them as they are.
#if defined(__AVX512F__)
#include "runtime/kernels/float_vectors_avx512.h"

#include "runtime/kernels/bf16_blocks_avx512.h"
#include "runtime/kernels/float_linear.h"

namespace pith {
namespace {

struct Bf16Unit : Bf16Values {
  static constexpr int kStep = 32;
  static constexpr bool kAsItLies = true;
  static constexpr TensorType kType = TensorType::kBF16;
  static const uint16_t* Rows(const RowsView& x) { return x.bf16; }
  static int64_t Stride(const RowsView& x) { return x.padded; }
  static Floats Step(Floats sum, const uint16_t* x, const uint16_t* w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_loadu_si512(x)), reinterpret_cast<__m512bh>(_mm512_loadu_si512(w)));
  }
};

}  // namespace

LinearKernel Avx512FloatKernel(TensorType type, bool bf16) { return bf16 ? FloatKernelOf<ByPanels<Bf16Unit>>(type) : FloatKernelOf<ByPanels<FloatUnit<false>>>(type); }

}  // namespace pith
#endif
