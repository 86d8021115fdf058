// Attention over an INT8 cache with the NEON of every 64-bit Arm. Neighbouring products are added in 16 bits: 2 · 127 · 127
// < 2^15, since codes are never −128.
#if defined(__aarch64__)
#include "runtime/kernels/attention_int8_neon.h"

namespace pith {
namespace {

struct WideningDot {
  // dot[i] += Σ_j (components 4j to 4j + 3 of key i, in keys[j]) · (those of q)
  static inline int32x4_t AddProducts(int32x4_t dot, const int8x16_t* keys, int8x16_t q) {
    const int32x4_t fours = vreinterpretq_s32_s8(q);
    const int32x4_t repeated[4] = {vdupq_laneq_s32(fours, 0), vdupq_laneq_s32(fours, 1), vdupq_laneq_s32(fours, 2),
                                   vdupq_laneq_s32(fours, 3)};
    for (int j = 0; j < 4; ++j) {
      const int8x16_t four = vreinterpretq_s8_s32(repeated[j]);
      const int16x8_t first = vmull_s8(vget_low_s8(keys[j]), vget_low_s8(four)), second = vmull_high_s8(keys[j], four);
      dot = vpadalq_s16(dot, vpaddq_s16(first, second));
    }
    return dot;
  }
};

}  // namespace

void AttendInt8Neon(const AttendArgs& args) { AttendInt8<WideningDot>(args); }

}  // namespace pith
#endif
