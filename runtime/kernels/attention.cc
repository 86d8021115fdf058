// Chooses the version of attention for this processor.
#include "runtime/kernels/attention.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

namespace pith {
namespace {

// Everything of some rows, or what `args` asks for; args.rows and so on are given.
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

}  // namespace

void AskForWhole(AttendArgs* args, float* factors) {
  args->page_begin = args->page_end = args->column_begin = 0;
  for (int64_t r = 0; r < args->count; ++r) {
    const AttendRow& row = args->rows[r];
    args->page_end = std::max(args->page_end, row.begin + (row.length + kKvPageTokens - 1) / kKvPageTokens);
  }
  args->weights = true;
  args->column_end = args->value_dim;
  args->factors = factors;
}

void AttendHeads(const float* q, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t first, int64_t length, int64_t key_dim, int64_t value_dim,
                 const ScoreRule& rule, float* scores, float* out, int64_t out_stride, const AttendPart& part) {
  PITH_CHECK(first >= 0 && first < length && num_heads > 0 && std::max(key_dim, value_dim) <= kMaxHeadDim, length, " tokens, ", num_heads,
             " heads of ", key_dim, " and ", value_dim);
  const int64_t first_page = first / kKvPageTokens, before = first_page * kKvPageTokens;
  AttendRow rows[kMostAttendRows];
  float factors[kMostAttendRows];
  for (int64_t head = 0; head < num_heads; head += kMostAttendRows) {
    AttendArgs args{.rows = rows, .count = std::min(kMostAttendRows, num_heads - head), .kv = {kv.k + first_page, kv.v + first_page, kv.type},
                    .key_dim = key_dim, .value_dim = value_dim, .scale = rule.scale, .soft_cap = rule.soft_cap};
    for (int64_t r = 0; r < args.count; ++r) {
      const int64_t h = head + r;
      rows[r] = {q + h * q_stride, out + h * out_stride, scores + h * (length - before), 0, length - before, first - before};
    }
    args.factors = part.factors + head;
    switch (part.step) {
      case AttendPart::kWhole: AskForWhole(&args, factors); break;
      case AttendPart::kScores: args.page_begin = part.begin, args.page_end = part.end; break;
      case AttendPart::kWeights: args.weights = true; break;
      case AttendPart::kColumns: args.column_begin = part.begin, args.column_end = part.end; break;
    }
    Attend(args);
  }
}

}  // namespace pith
