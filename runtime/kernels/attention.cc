// Chooses the version of attention for this processor.
#include "runtime/kernels/attention.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

namespace pith {
namespace {

constexpr int64_t kHeadsAtOnce = 64;  // of a whole, whose factors lie on the stack

void Attend(const AttendArgs& args) {
  const int64_t step = args.kv.type == KvType::kInt8 ? 32 : 16;
  if (args.key_dim % step == 0 && args.value_dim % step == 0) {
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

// Heads do not hang on each other: some at a time.
void AttendWhole(const AttendArgs& all) {
  float factors[kHeadsAtOnce];
  for (int64_t head = 0; head < all.heads; head += kHeadsAtOnce) {
    AttendArgs some = all;
    some.heads = std::min(kHeadsAtOnce, all.heads - head);
    some.q += head * all.q_stride;
    some.scores += head * all.length;
    some.out += head * all.out_stride;
    AskForWhole(&some, factors);
    Attend(some);
  }
}

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
  switch (part.step) {
    case AttendPart::kWhole: return AttendWhole(args);
    case AttendPart::kScores: args.page_begin = part.begin, args.page_end = part.end; break;
    case AttendPart::kWeights: args.weights = true; break;
    case AttendPart::kColumns: args.column_begin = part.begin, args.column_end = part.end; break;
  }
  Attend(args);
}

}  // namespace pith
