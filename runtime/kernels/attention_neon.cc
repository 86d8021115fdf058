// attention.h with the NEON of every 64-bit Arm.
#if defined(__aarch64__)
#include "runtime/kernels/float_vectors_neon.h"

#include "runtime/kernels/int8_attention.h"

namespace pith {
namespace {

// Neighbouring products are added in 16 bits: 2 · 127 · 127 < 2^15, since codes are never −128.
struct WideningDot {
  using Keys = int8x16_t;
  static Ints Start(const RowGroup&) { return BroadcastInt(0); }
  static Keys Load(const uint8_t* at) { return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at), vdupq_n_u8(0x80))); }
  static Ints Add(Ints sum, Keys keys, Ints four) {
    const int8x16_t q = vreinterpretq_s8_s32(four);
    return vpadalq_s16(sum, vpaddq_s16(vmull_s8(vget_low_s8(keys), vget_low_s8(q)), vmull_high_s8(keys, q)));
  }
};

}  // namespace

void AttendNeon(const AttendArgs& args) {
  switch (args.kv.type) {
    case KvType::kF32: return AttendAs<Plain<float>>(args);
    case KvType::kF16: return AttendAs<Plain<Half>>(args);
    case KvType::kInt8: return AttendAs<Int8<WideningDot>>(args);
  }
}

}  // namespace pith
#endif
