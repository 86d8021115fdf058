// kInt8 with the dot products of Armv8.2 (SDOT): sixteen products of bytes become four sums of 32 bits at once.
#if defined(__ARM_FEATURE_DOTPROD)
#include "runtime/kernels/int8_rows_neon.h"

namespace pith {
namespace {

struct SignedDot {
  template <bool kSmall>
  static inline int32x4_t Products(const int8x16_t* w, const int8x16_t* x) {
    return vdotq_s32(vdotq_s32(vdupq_n_s32(0), w[0], x[0]), w[1], x[1]);
  }
};

}  // namespace

LinearKernel DotProdLinearKernel(TensorType type, ActivationType precision) {
  return precision == ActivationType::kInt8 ? Int8KernelOf<SignedDot>(type) : NeonLinearKernel(type, precision);
}

}  // namespace pith
#endif
