// kInt8 for many rows of x: kWideLanes rows of weights are unpacked to a panel of bytes in which one register holds four consecutive k of each
// of its rows; lanes of an accumulator are rows of W. The same sums in the same order as int8_few_rows.h, so the same bits.
#pragma once

#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_few_rows.h"
#include "runtime/kernels/int8_products.h"
#include "runtime/kernels/int8_registers.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

inline constexpr int kWideLanes = WidestLanes::kCount;

// In scratch.
struct Panel {
  uint8_t* q;                 // [groups][8][kWideLanes][4 of k]
  float *d, *min, *s0, *s1;   // [groups][kWideLanes]
  static constexpr int64_t kGroupBytes = kWideLanes * kBlockSize, kScales = 4;
  static constexpr int64_t Bytes(int64_t groups) { return groups * (kGroupBytes + kScales * kWideLanes * 4); }
  Panel(uint8_t* memory, int64_t groups) : q(memory) {
    const int64_t floats = groups * kWideLanes;
    d = reinterpret_cast<float*>(memory + groups * kGroupBytes);
    min = d + floats;
    s0 = min + floats;
    s1 = s0 + floats;
  }
};
inline constexpr int kPanels = kWideLanes == 16 ? 2 : 1;  // side by side
static_assert(kPanels * Panel::Bytes(1) + 2 * kWideLanes * kBlockSize <= LinearScratchBytes(kBlockSize) - LinearScratchBytes(0));  // and rows as they lie

// Codes as dot products want them.
struct CodesAsTheyAre {
  template <class F, class Code>
  static inline Code Of(Code code) { return code; }
};

template <class F, class Codes>
void Unpack(const LinearTask& task, LanedRows rows, int64_t groups, const Panel& panel) {
  using V = WidestLanes;
  Ahead ahead(task, rows, true);
  for (int64_t group = 0; group < groups; group += F::kGroups, rows.first += F::kBytes) {
    GroupScales<V> scales[F::kGroups];
    F::Scales(rows.first, rows.stride, scales);
    VisitGroups<V, F>(rows.first, rows.stride, [&](int g, const auto& code) __attribute__((always_inline)) {
      ahead.Ask<V::kCount * F::kBytes / F::kGroups>();
      const int64_t at = (group + g) * V::kCount;
      Store(panel.d + at, scales[g].d);
      if (F::kMin) Store(panel.min + at, scales[g].min);
      if (F::kHalves) {
        Store(panel.s0 + at, scales[g].s[0]);
        Store(panel.s1 + at, scales[g].s[1]);
      }
      uint8_t* q = panel.q + (group + g) * Panel::kGroupBytes;
#pragma GCC unroll 8
      for (int j = 0; j < kSteps; ++j) Store(q + j * V::kCount * 4, Codes::template Of<F>(code(j)));
    });
  }
}

// kM rows of x from m0 on against kP panels.
template <class F, int kM, int kP>
void PanelTile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, const Panel* panels) {
  using V = WidestLanes;
  V::Floats sum[kM][kP];
  for (int m = 0; m < kM; ++m) {
    for (int p = 0; p < kP; ++p) sum[m][p] = V::Broadcast(0.0f);
  }
  const int8_t* q = x.q + m0 * x.padded;
  const RowGroup* of_x = x.groups + m0 * x.blocks;
  for (int64_t group = 0; group < x.blocks; ++group, q += kBlockSize, ++of_x) {
    AddProducts<V, F, kM, kP>(
        q, x.padded, of_x, x.blocks, [&](int p, int j) { return V::Load(panels[p].q + group * Panel::kGroupBytes + j * kWideLanes * 4); },
        [&](int p, GroupScale which) {
          const Panel& of = panels[p];
          return V::Load((which == kScale ? of.d : which == kMin ? of.min : which == kFirstHalf ? of.s0 : of.s1) + group * kWideLanes);
        },
        sum);
  }
  for (int m = 0; m < kM; ++m) {
    for (int p = 0; p < kP; ++p) {
      const int64_t left = count - p * kWideLanes;
      if (left > 0) StoreSums(task, m0 + m, n + p * kWideLanes, left, sum[m][p], V::Broadcast(task.scale));
    }
  }
}

template <class F, int kP>
void AgainstPanels(const RowsView& x, const LinearTask& task, int64_t n, int64_t count, const Panel* panels) {
  InGroups<4>(x.m, [&](auto rows, int64_t m) { PanelTile<F, rows.value, kP>(x, task, m, n, count, panels); });
}

template <class F>
void PanelKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  const Panel panels[2] = {Panel(scratch, x.blocks), Panel(scratch + Panel::Bytes(x.blocks), x.blocks)};
  uint8_t* spare = scratch + kPanels * Panel::Bytes(x.blocks);
  for (int64_t n = begin; n < end; n += kPanels * kWideLanes) {
    const int64_t count = end - n;
    const int num_panels = count > kWideLanes ? kPanels : 1;
    for (int p = 0; p < num_panels; ++p) {
      Unpack<F, CodesAsTheyAre>(task, LanedRows(task, n + p * kWideLanes, end, kWideLanes, spare), x.blocks, panels[p]);
    }
    if (num_panels == 2) {
      AgainstPanels<F, kPanels>(x, task, n, count, panels);
    } else {
      AgainstPanels<F, 1>(x, task, n, count, panels);
    }
  }
}

struct AnyNumberOfRows {
  template <class F>
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    const bool few = x.m <= task.few_rows;
    if constexpr (F::kGroups == 1) {  // groups of larger blocks share what is transposed: that is always the better way
      if (few) return FewRowsKernel<F>(x, task, begin, end, scratch);
    }
    if (few || x.m <= task.register_rows) {
      RegisterKernel<F>(x, task, begin, end, scratch);
    } else {
      PanelKernel<F>(x, task, begin, end, scratch);
    }
  }
};

}  // namespace
}  // namespace pith
