// Chooses the version of attention for this processor.
#include "runtime/kernels/attention.h"

#include "base/error.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

namespace pith {

void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t length,
                 int64_t head_dim, float scale, float* scores, float* out, int64_t out_stride) {
  PITH_CHECK(length > 0 && num_heads > 0 && head_dim <= kMaxHeadDim, length, " tokens, ", num_heads, " heads of ", head_dim);
  const AttendArgs args{q, q_stride, num_heads, kv, length, head_dim, scale, scores, out, out_stride};
  if (head_dim % (kv.type == KvType::kInt8 ? 32 : 16) == 0) {
    switch (BestIsa()) {
#if defined(__x86_64__)
      case Isa::kAvx512: AttendAvx512(args); return;
      case Isa::kAvx2: AttendAvx2(args); return;
#elif defined(__aarch64__)
      case Isa::kI8mm:
      case Isa::kDotProd: AttendDotProd(args); return;
      case Isa::kNeon: AttendNeon(args); return;
#endif
      default: break;
    }
  }
  AttendRef(args);
}

}  // namespace pith
