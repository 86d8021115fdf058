// kInt8 for a handful of rows of x: the codes of several rows of weights are transposed in registers and meet all of them there.
#pragma once

#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_few_rows.h"
#include "runtime/kernels/int8_products.h"

namespace pith {
namespace {

// kM rows of x from m0 on, V::kCount rows of weights.
template <class V, class F, int kM>
void RegisterTile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, LanedRows rows) {
  typename V::Floats sum[kM][1];
  for (int m = 0; m < kM; ++m) sum[m][0] = V::Broadcast(0.0f);
  Ahead ahead(task, rows, m0 == 0);
  const int8_t* q = x.q + m0 * x.padded;
  const RowGroup* of_x = x.groups + m0 * x.blocks;
  for (const RowGroup* end = of_x + x.blocks; of_x < end; of_x += F::kGroups, q += F::kGroups * kBlockSize, rows.first += F::kBytes) {
    GroupScales<V> scales[F::kGroups];
    F::Scales(rows.first, rows.stride, scales);
    VisitGroups<V, F>(rows.first, rows.stride, [&](int g, const auto& code) __attribute__((always_inline)) {
      ahead.Ask<V::kCount * F::kBytes / F::kGroups>();
      const GroupScales<V>& of_w = scales[g];
      const auto scale = [&](int, GroupScale which) { return which == kScale ? of_w.d : which == kMin ? of_w.min : of_w.s[which - kFirstHalf]; };
      AddProducts<V, F, kM, 1>(q + g * kBlockSize, x.padded, of_x + g, x.blocks, [&](int, int j) __attribute__((always_inline)) { return code(j); }, scale, sum);
    });
  }
  for (int m = 0; m < kM; ++m) StoreSums(task, m0 + m, n, count, sum[m][0], V::Broadcast(task.scale));
}

template <class F>
void RegisterKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  using V = WidestLanes;
  for (int64_t n = begin; n < end; n += V::kCount) {
    const LanedRows rows(task, n, end, V::kCount, scratch);
    InGroups<kFewAtOnce>(x.m, [&](auto some, int64_t m) { RegisterTile<V, F, some.value>(x, task, m, n, end - n, rows); });
  }
}

}  // namespace
}  // namespace pith
