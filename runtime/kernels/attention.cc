// Chooses the version of attention for this processor.
#include "runtime/kernels/attention.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

namespace pith {
namespace {

constexpr int64_t kMaxWholeHeads = 1024;  // that share one KV head

}  // namespace

void AskForWhole(AttendArgs* args, float* factors) {
  args->page_begin = args->column_begin = 0;
  args->page_end = (args->length + kKvPageTokens - 1) / kKvPageTokens;
  args->weights = true;
  args->column_end = args->value_dim;
  args->factors = factors;
}

void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t first, int64_t length, int64_t key_dim, int64_t value_dim,
                 const ScoreRule& rule, float* scores, float* out, int64_t out_stride, const AttendPart& part) {
  PITH_CHECK(first >= 0 && first < length && num_heads > 0 && std::max(key_dim, value_dim) <= kMaxHeadDim, length, " tokens, ", num_heads,
             " heads of ", key_dim, " and ", value_dim);
  const int64_t first_page = first / kKvPageTokens, before = first_page * kKvPageTokens;
  const KvPages seen{kv.k + first_page, kv.v + first_page, kv.type};
  AttendArgs args{.q = q, .q_stride = q_stride, .heads = num_heads, .kv = seen, .length = length - before, .skip = first - before, .key_dim = key_dim,
                  .value_dim = value_dim, .scale = rule.scale, .soft_cap = rule.soft_cap, .scores = scores, .out = out, .out_stride = out_stride,
                  .factors = part.factors};
  float factors[kMaxWholeHeads];
  switch (part.step) {
    case AttendPart::kWhole:
      PITH_CHECK(num_heads <= kMaxWholeHeads, num_heads, " heads");
      AskForWhole(&args, factors);
      break;
    case AttendPart::kScores: args.page_begin = part.begin, args.page_end = part.end; break;
    case AttendPart::kWeights: args.weights = true; break;
    case AttendPart::kColumns: args.column_begin = part.begin, args.column_end = part.end; break;
  }
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
