// Chooses the version of attention for this processor.
#include "runtime/kernels/attention.h"

#include "base/error.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

namespace pith {

void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t length,
                 int64_t head_dim, float scale, float* scores, float* out, int64_t out_stride) {
  PITH_CHECK(length > 0 && num_heads > 0 && kv.page_tokens > 0, length, " tokens, ", num_heads, " heads, pages of ",
             kv.page_tokens);
  const AttendArgs args{q, q_stride, num_heads, kv, length, head_dim, scale, scores, out, out_stride};
#if defined(__x86_64__)
  if (head_dim % 16 == 0) {
    switch (BestIsa()) {
      case Isa::kAvx512: AttendAvx512(args); return;
      case Isa::kAvx2: AttendAvx2(args); return;
      default: break;
    }
  }
#elif defined(__aarch64__)
  if (head_dim % 16 == 0 && BestIsa() != Isa::kScalar) {
    AttendNeon(args);
    return;
  }
#endif
  AttendRef(args);
}

void Attend(const float* q, const KvPages& kv, int64_t length, int64_t head_dim, float scale, float* scores,
            float* out) {
  AttendHeads(q, head_dim, 1, kv, length, head_dim, scale, scores, out, head_dim);
}

}  // namespace pith
