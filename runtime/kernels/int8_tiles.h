// kInt8 for many rows of x where there is AMX: a panel of sixteen rows of weights (int8_panels.h) is B of a tile product, up to sixteen rows of x, as
// they lie, are A. A product's sums are one group's, integers; they go through memory to be scaled, since every group has scales of its own. The
// same sums in the same order as int8_few_rows.h, so the same bits.
//
// A product's sums arrive 52 cycles after it starts, so four are on their way at a time, and what was stored is added up a block of four later.
#pragma once

#include "runtime/kernels/amx_tiles.h"
#include "runtime/kernels/int8_panels.h"

namespace pith {
namespace {

// Codes without their bias, as signed bytes.
struct UnbiasedCodes {
  template <class F>
  static inline __m512i Of(__m512i codes) {
    if constexpr (kBiasShift<F> == 0) return codes;
    return _mm512_sub_epi8(codes, _mm512_set1_epi8(static_cast<char>(1 << kBiasShift<F>)));
  }
};

// Rows of x that meet a panel together: as many as tiles hold, or fewer, so that all blocks are alike; the last begins sooner where they overlap.
struct RowBlocks {
  int64_t count, rows;
  explicit RowBlocks(int64_t m) : count((m + kTileRows - 1) / kTileRows), rows((m + count - 1) / count) {}
};

// Sums of products, four tiles of one block of groups, then four of the next.
struct alignas(64) TileSums {
  int32_t of[2][kSumTiles][kTileRows][kWideLanes];
};

// Rows [m0, m0 + kM) of x, of which tiles hold the first ones and `rows` from `from` on are wanted. Rows of scales are read beyond those: prepared
// rows have room for three.
template <class F, int kM>
void TileOfRows(const RowsView& x, const LinearTask& task, int64_t m0, int64_t from, int64_t rows, int64_t n, int64_t count, const Panel& panel, TileSums& sums) {
  constexpr int kPerGroup = F::kHalves ? 2 : 1, kAtOnce = kSumTiles / kPerGroup;  // tiles of a group; groups
  constexpr int64_t kOfA = kBlockSize / kPerGroup, kOfB = Panel::kGroupBytes / kPerGroup;
  using V = WidestLanes;
  V::Floats sum[kM];
  ForEach<kM>([&](auto m) __attribute__((always_inline)) { sum[m.value] = V::Broadcast(0.0f); });
  const int8_t* q = x.q + m0 * x.padded;
  const RowGroup* of_x = x.groups + m0 * x.blocks;
  const int64_t scale_stride = x.blocks * static_cast<int64_t>(sizeof(RowGroup));
  // The products of tile kTile of the block of groups that begins with `group`.
  const auto multiply = [&]<int kTile>(int64_t group) __attribute__((always_inline)) {
    const int64_t step = group * kPerGroup + kTile;
    if (group + kTile / kPerGroup >= x.blocks) return;
    TileZero<kTile>();
    TileLoad<kA + kTile % 2>(q + step * kOfA, x.padded);
    TileLoad<kB + kTile % 2>(panel.q + step * kOfB, kWideLanes * 4);
    TileDot<kTile, kA + kTile % 2, kB + kTile % 2>();
  };
  const auto keep = [&]<int kTile>(int64_t group) __attribute__((always_inline)) {
    if (group + kTile / kPerGroup < x.blocks) TileStore<kTile>(sums.of[group / kAtOnce % 2][kTile], kWideLanes * 4);
  };
  // Adds what the block before has left for group kGroup of it.
  const auto add = [&]<int kGroup>(int64_t group) __attribute__((always_inline)) {
    if (group < 0 || group + kGroup >= x.blocks) return;
    const auto* of = sums.of[group / kAtOnce % 2] + kGroup * kPerGroup;
    const auto* scales = reinterpret_cast<const uint8_t*>(of_x + group + kGroup);
    const int64_t at = (group + kGroup) * kWideLanes;
    const V::Floats d = V::Load(panel.d + at), min = F::kMin ? V::Load(panel.min + at) : d;
    const V::Floats s0 = F::kHalves ? V::Load(panel.s0 + at) : d, s1 = F::kHalves ? V::Load(panel.s1 + at) : d;
    ForEach<kM>([&](auto m) __attribute__((always_inline)) {
      if constexpr (m.value % 4 == 0 && m.value > 0) scales = FourRowsOn(scales, scale_stride);
      const auto* of_row = reinterpret_cast<const RowGroup*>(scales + m.value % 4 * scale_stride);
      V::Floats whole = ToFloats(_mm512_load_si512(of[0][m.value]));
      if constexpr (F::kHalves) whole = MultiplyAdd(s1, ToFloats(_mm512_load_si512(of[kPerGroup - 1][m.value])), Multiply(s0, whole));
      sum[m.value] = MultiplyAdd(Multiply(d, V::Broadcast(of_row->d)), whole, sum[m.value]);
      if (F::kMin) sum[m.value] = MultiplyAdd(min, V::Broadcast(of_row->d_sum), sum[m.value]);
    });
  };
  for (int64_t group = 0; group < x.blocks + kAtOnce; group += kAtOnce) {
    const int64_t before = group - kAtOnce;
    multiply.template operator()<0>(group);
    add.template operator()<0>(before);
    multiply.template operator()<1>(group);
    add.template operator()<1>(before);
    multiply.template operator()<2>(group);
    keep.template operator()<0>(group);
    if constexpr (kAtOnce > 2) add.template operator()<2>(before);
    multiply.template operator()<3>(group);
    keep.template operator()<1>(group);
    if constexpr (kAtOnce > 2) add.template operator()<3>(before);
    keep.template operator()<2>(group);
    keep.template operator()<3>(group);
  }
  ForEach<kM>([&](auto m) __attribute__((always_inline)) {
    if (m.value >= from && m.value < from + rows) StoreSums(task, m0 + m.value, n, count, sum[m.value], V::Broadcast(task.scale));
  });
}

template <class F>
void TileKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  const RowBlocks blocks(x.m);
  const int rows = static_cast<int>(blocks.rows), per_group = F::kHalves ? 2 : 1;
  const Tiles tiles({rows, kWideLanes * 4}, {rows, kBlockSize / per_group}, {kSteps / per_group, kWideLanes * 4});
  TileSums sums;
  if (rows % 4 != 0) __builtin_memset(&sums, 0, sizeof(sums));  // rows of it are added up that no product writes
  const Panel panel(scratch, x.blocks);
  for (int64_t n = begin; n < end; n += kWideLanes) {
    Unpack<F, UnbiasedCodes>(task, LanedRows(task, n, end, kWideLanes, scratch + Panel::Bytes(x.blocks)), x.blocks, panel);
    for (int64_t block = 0; block < blocks.count; ++block) {
      const int64_t wanted = block * blocks.rows, m0 = wanted + blocks.rows > x.m ? x.m - blocks.rows : wanted;
      const auto run = [&](auto four) { TileOfRows<F, 4 * four.value>(x, task, m0, wanted - m0, blocks.rows - (wanted - m0), n, end - n, panel, sums); };
      switch ((rows + 3) / 4) {
        case 1: run(Count<1>{}); break;
        case 2: run(Count<2>{}); break;
        case 3: run(Count<3>{}); break;
        default: run(Count<4>{});
      }
    }
  }
}

}  // namespace
}  // namespace pith
