// kInt8 for a handful of rows of x: the codes of kLanes rows of weights are transposed in registers and meet all of them there.
#pragma once

#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_few_rows.h"
#include "runtime/kernels/int8_products.h"

namespace pith {
namespace {

// kM rows of x from m0 on; V::kCount rows of weights, whose parts of kLanes rows are `parts`.
template <class V, class F, int kM>
void RegisterTile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, LanedRows* parts) {
  constexpr int kParts = V::kCount / kLanes;
  typename V::Floats sum[kM][1];
  for (int m = 0; m < kM; ++m) sum[m][0] = V::Broadcast(0.0f);
  Ahead ahead(task, parts[0], m0 == 0);
  const int8_t* q = x.q + m0 * x.padded;
  const RowGroup* of_x = x.groups + m0 * x.blocks;
  for (const RowGroup* end = of_x + x.blocks; of_x < end; of_x += F::kGroups, q += F::kGroups * kBlockSize) {
    GroupScales scales[kParts][F::kGroups];
    for (int part = 0; part < kParts; ++part) F::Scales(parts[part].first, parts[part].stride, scales[part]);
    const TransposedBlock<F> blocks[] = {{parts[0].first, parts[0].stride}, {parts[kParts - 1].first, parts[kParts - 1].stride}};
#pragma GCC unroll 1
    for (int g = 0; g < F::kGroups; ++g) {
      ahead.Ask<V::kCount * F::kBytes / F::kGroups>();
      Ints of_parts[kParts][kLanes];
      for (int part = 0; part < kParts; ++part) blocks[part].Codes(g, of_parts[part]);
      typename V::Ints codes[kLanes];
      for (int j = 0; j < kLanes; ++j) {
        const Ints steps[] = {of_parts[0][j], of_parts[kParts - 1][j]};
        codes[j] = V::Of(steps);
      }
      const auto scale = [&](int, GroupScale which) {
        const auto of = [&](const GroupScales& s) { return which == kScale ? s.d : which == kMin ? s.min : s.s[which - kFirstHalf]; };
        const Floats both[] = {of(scales[0][g]), of(scales[kParts - 1][g])};
        return V::Of(both);
      };
      AddProducts<V, F, kM, 1>(q + g * kBlockSize, x.padded, of_x + g, x.blocks, [&](int, int j) { return codes[j]; }, scale, sum);
    }
    for (int part = 0; part < kParts; ++part) parts[part].first += F::kBytes;
  }
  for (int m = 0; m < kM; ++m) StoreSums(task, m0 + m, n, count, sum[m][0], V::Broadcast(task.scale));
}

template <class F>
void RegisterKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  using V = WidestLanes;
  for (int64_t n = begin; n < end; n += V::kCount) {
    InGroups<kFewAtOnce>(x.m, [&](auto some, int64_t m) {
      LanedRows parts[] = {LanedRows(task, n, end, scratch), LanedRows(task, n + V::kCount - kLanes, end, scratch + kLanes * task.row_bytes)};
      RegisterTile<V, F, some.value>(x, task, m, n, end - n, parts);
    });
  }
}

}  // namespace
}  // namespace pith
