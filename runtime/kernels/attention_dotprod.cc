// attention.h with the dot products of Armv8.2, which an INT8 cache alone takes.
#if defined(__ARM_FEATURE_DOTPROD)
#include "runtime/kernels/float_vectors_neon.h"

#include "runtime/kernels/int8_attention.h"

namespace pith {
namespace {

struct SignedDot {
  using Keys = int8x16_t;
  static Ints Start(const RowGroup&) { return BroadcastInt(0); }
  static Keys Load(const uint8_t* at) { return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at), vdupq_n_u8(0x80))); }
  static Ints Add(Ints sum, Keys keys, Ints four) { return vdotq_s32(sum, keys, vreinterpretq_s8_s32(four)); }
};

}  // namespace

void AttendDotProd(const AttendArgs& args) { args.kv.type == KvType::kInt8 ? AttendAs<Int8<SignedDot>>(args) : AttendNeon(args); }

}  // namespace pith
#endif
