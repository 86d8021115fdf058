// kInt8 with the NEON of every 64-bit Arm. Products of bytes are summed in 16 bits: all four of a lane for small codes
// (4 · 15 · 127 = 7620 < 2^15), two of them for others (2 · 128 · 127 = 32512; codes of x are never −128).
#if defined(__aarch64__)
#include "runtime/kernels/int8_rows_neon.h"

namespace pith {
namespace {

struct WideningDot {
  template <bool kSmall>
  static inline int32x4_t Products(const int8x16_t* w, const int8x16_t* x) {
    int16x8_t first = vmull_s8(vget_low_s8(w[0]), vget_low_s8(x[0]));
    first = vmlal_high_s8(first, w[0], x[0]);
    if (kSmall) {
      first = vmlal_s8(first, vget_low_s8(w[1]), vget_low_s8(x[1]));
      return vpaddlq_s16(vmlal_high_s8(first, w[1], x[1]));
    }
    int16x8_t second = vmull_s8(vget_low_s8(w[1]), vget_low_s8(x[1]));
    second = vmlal_high_s8(second, w[1], x[1]);
    return vpadalq_s16(vpaddlq_s16(first), second);
  }
};

}  // namespace

LinearKernel NeonLinearKernel(TensorType type, ActivationType precision) {
  if (precision != ActivationType::kInt8) return NeonFloatKernel(type, precision == ActivationType::kBF16);
  return Int8KernelOf<WideningDot>(type);
}

}  // namespace pith
#endif
