// Attention over an INT8 cache with the dot products of Armv8.2: a lane of SDOT is one key's four components.
#if defined(__ARM_FEATURE_DOTPROD)
#include "runtime/kernels/attention_int8_neon.h"

namespace pith {
namespace {

struct SignedDot {
  // dot[i] += Σ_j (components 4j to 4j + 3 of key i, in keys[j]) · (those of q)
  static inline int32x4_t AddProducts(int32x4_t dot, const int8x16_t* keys, int8x16_t q) {
    dot = vdotq_laneq_s32(dot, keys[0], q, 0);
    dot = vdotq_laneq_s32(dot, keys[1], q, 1);
    dot = vdotq_laneq_s32(dot, keys[2], q, 2);
    return vdotq_laneq_s32(dot, keys[3], q, 3);
  }
};

}  // namespace

void AttendDotProd(const AttendArgs& args) {
  args.kv.type == KvType::kInt8 ? AttendInt8<SignedDot>(args) : AttendNeon(args);
}

}  // namespace pith
#endif
