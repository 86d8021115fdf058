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
  args->page_begin = args->rows[0].begin;
  args->page_end = args->column_begin = 0;
  for (int64_t r = 0; r < args->count; ++r) {
    const AttendRow& row = args->rows[r];
    args->page_begin = std::min(args->page_begin, row.begin);
    args->page_end = std::max(args->page_end, row.begin + (row.length + kKvPageTokens - 1) / kKvPageTokens);
  }
  args->weights = true;
  args->column_end = args->value_dim;
  args->factors = factors;
}

void AttendHeads(std::span<const AttendQuery> queries, int64_t q_stride, int64_t num_heads, const KvPages& kv, int64_t key_dim, int64_t value_dim,
                 const ScoreRule& rule, float* scores, int64_t out_stride, const AttendPart& part) {
  PITH_CHECK(!queries.empty() && num_heads > 0 && std::max(key_dim, value_dim) <= kMaxHeadDim, queries.size(), " tokens, ", num_heads, " heads of ",
             key_dim, " and ", value_dim);
  AttendRow rows[kMostAttendRows];
  float factors[kMostAttendRows];
  AttendArgs args{.rows = rows, .count = 0, .kv = kv, .key_dim = key_dim, .value_dim = value_dim, .scale = rule.scale, .soft_cap = rule.soft_cap};
  args.factors = part.factors;
  const int64_t first_page = queries[0].first / kKvPageTokens;
  const auto attend = [&] {
    switch (part.step) {
      case AttendPart::kWhole: AskForWhole(&args, factors); break;
      case AttendPart::kScores: args.page_begin = first_page + part.begin, args.page_end = first_page + part.end; break;
      case AttendPart::kWeights: args.weights = true; break;
      case AttendPart::kColumns: args.column_begin = part.begin, args.column_end = part.end; break;
    }
    Attend(args);
    if (part.step != AttendPart::kWhole) args.factors += args.count;
    args.count = 0;
  };
  for (const AttendQuery& query : queries) {
    PITH_CHECK(query.first >= 0 && query.first < query.length, query.first, " to ", query.length);
    const int64_t begin = query.first / kKvPageTokens, before = begin * kKvPageTokens;
    for (int64_t h = 0; h < num_heads; ++h) {
      rows[args.count++] = {query.q + h * q_stride, query.out + h * out_stride, scores, begin, query.length - before, query.first - before};
      scores += query.length - before;
      if (args.count == kMostAttendRows) attend();
    }
  }
  if (args.count > 0) attend();
}

}  // namespace pith
