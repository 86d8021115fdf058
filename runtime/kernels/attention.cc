// Chooses the version of attention for this processor.
#include "runtime/kernels/attention.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

namespace pith {

void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t first, int64_t length,
                 int64_t key_dim, int64_t value_dim, const ScoreRule& rule, float* scores, float* out, int64_t out_stride) {
  PITH_CHECK(first >= 0 && first < length && num_heads > 0 && std::max(key_dim, value_dim) <= kMaxHeadDim, length, " tokens, ", num_heads,
             " heads of ", key_dim, " and ", value_dim);
  const int64_t first_page = first / kKvPageTokens, before = first_page * kKvPageTokens;
  const KvPages seen{kv.k + first_page, kv.v + first_page, kv.type};
  const AttendArgs args{q, q_stride, num_heads, seen, length - before, first - before, key_dim, value_dim,
                        rule.scale, rule.soft_cap, scores, out, out_stride};
  const int64_t step = kv.type == KvType::kInt8 ? 32 : 16;
  if (key_dim % step == 0 && value_dim % step == 0) {
    switch (FloatIsa(BestIsa())) {
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
