// kF32 and kBF16: some rows of weights at a time become a panel of floats or bf16 in cache, against which tiles of (rows of x) × (rows of W) are
// summed, kTileSums at a time. Over the vectors of the float_vectors_*.h that was included before.
//
// One sum lives in the lanes of one register over all steps of k and is folded by one fixed tree; neither depends on the tile, which makes
// results independent of M.
#pragma once

#include "runtime/kernels/float_blocks.h"
#include "runtime/kernels/groups.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

// What a panel holds, and how it is multiplied. kRound: where there is no unit for bf16, floats that were rounded to it, as prepared rows are.
template <bool kRound>
struct FloatUnit {
  using Value = float;
  static constexpr int kStep = kLanes;  // values multiplied at once
  static constexpr bool kAsItLies = !kRound;
  static constexpr TensorType kType = TensorType::kF32;  // of rows that are panel rows as they lie
  static const float* Rows(const RowsView& x) { return x.f32; }
  static int64_t Stride(const RowsView& x) { return x.f32_stride; }
  template <TensorType kFrom>
  static void Unpack(const uint8_t* at, float* out) {
    Floats values[kBlockVectors];
    Block32<kFrom>::Get(at, values);
    for (int i = 0; i < kBlockVectors; ++i) {
      if constexpr (kRound) values[i] = RoundToBf16(values[i]);
      Store(out + i * kLanes, values[i]);
    }
  }
  static Floats Step(Floats sum, const float* x, const float* w) { return MultiplyAdd(Load(x), Load(w), sum); }
};

// kM rows of x against kN rows of W.
template <class Unit, int kM, int kN>
inline void Tile(const typename Unit::Value* x, int64_t x_stride, const typename Unit::Value* w, int64_t w_stride, int64_t count, float* sums) {
  Floats acc[kTileSums];
  for (int i = 0; i < kTileSums; ++i) acc[i] = Broadcast(0.0f);
  for (int64_t at = 0; at < count; at += Unit::kStep) {
#pragma GCC unroll 4
    for (int m = 0; m < kM; ++m) {
#pragma GCC unroll 16
      for (int n = 0; n < kN; ++n) acc[m * kN + n] = Unit::Step(acc[m * kN + n], x + m * x_stride + at, w + n * w_stride + at);
    }
  }
  for (int i = 0; i < kTileSums; i += kLanes) Store(sums + i, SumsOf(acc + i));
}

// kM rows of x against those of the panel.
template <class Unit, int kM>
void PanelRows(const RowsView& x, const LinearTask& task, int64_t m, int64_t n, int64_t count, const typename Unit::Value* w, int64_t w_stride) {
  constexpr int kWanted = kTileSums / (kM == 3 ? 4 : kM), kN = kWanted < kPanelRows ? kWanted : kPanelRows;
  alignas(64) float sums[kTileSums], rows[kM][kPanelRows];
  const int64_t stride = Unit::Stride(x);
  for (int j = 0; j < kPanelRows; j += kN) {
    Tile<Unit, kM, kN>(Unit::Rows(x) + m * stride, stride, w + j * w_stride, w_stride, x.padded, sums);
    for (int i = 0; i < kM; ++i) __builtin_memcpy(&rows[i][j], sums + i * kN, kN * sizeof(float));
  }
  for (int i = 0; i < kM; ++i) {
    float* y = task.y + (m + i) * task.y_stride + n;
    for (int64_t at = 0; at < count; at += kLanes) {
      Floats value = Load(rows[i] + at) * Broadcast(task.scale);
      if (task.accumulate) value = LoadFirst(y + at, count - at) + value;
      StoreFirst(y + at, count - at, value);
    }
  }
}

// A row of weights as a panel row. Only F32, F16 and BF16 rows may end within a block of 32.
template <class Unit, TensorType kType>
void UnpackRow(const RowsView& x, const uint8_t* row, typename Unit::Value* out) {
  constexpr int kBytes = Block32<kType>::kBytes;
  const int64_t full = x.k / kBlockSize;
  for (int64_t b = 0; b < full; ++b) Unit::template Unpack<kType>(row + b * kBytes, out + b * 32);
  if (full == x.blocks) return;
  alignas(64) uint8_t last[kBytes] = {};
  __builtin_memcpy(last, row + full * kBytes, static_cast<size_t>((x.k - full * 32) * (kBytes / 32)));
  Unit::template Unpack<kType>(last, out + full * 32);
}

template <class Unit, TensorType kType>
void FloatKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  using Value = typename Unit::Value;
  const bool as_it_lies = Unit::kAsItLies && kType == Unit::kType && x.k == x.padded;
  for (int64_t n = begin; n < end; n += kPanelRows) {
    const int64_t count = end - n < kPanelRows ? end - n : kPanelRows;
    auto* panel = reinterpret_cast<Value*>(scratch);
    const Value* w = panel;
    int64_t w_stride = x.padded;
    if (as_it_lies && count == kPanelRows) {
      w = reinterpret_cast<const Value*>(task.w + n * task.row_bytes);
      w_stride = task.row_bytes / static_cast<int64_t>(sizeof(Value));
    } else {
      for (int64_t r = 0; r < kPanelRows; ++r) {  // the last row fills the panel up
        const int64_t row = n + (r < count ? r : count - 1);
        UnpackRow<Unit, kType>(x, task.w + row * task.row_bytes, panel + r * w_stride);
      }
    }
    InGroups<4>(x.m, [&](auto rows, int64_t m) { PanelRows<Unit, rows.value>(x, task, m, n, count, w, w_stride); });
  }
}

// The kernel of each type of weights by one plan: Plan::Run<type>.
template <class Plan>
LinearKernel FloatKernelOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return Plan::template Run<TensorType::kF32>;
    case TensorType::kF16: return Plan::template Run<TensorType::kF16>;
    case TensorType::kBF16: return Plan::template Run<TensorType::kBF16>;
    case TensorType::kQ8_0: return Plan::template Run<TensorType::kQ8_0>;
    case TensorType::kQ4_0: return Plan::template Run<TensorType::kQ4_0>;
    case TensorType::kQ4_1: return Plan::template Run<TensorType::kQ4_1>;
    case TensorType::kIQ4_NL: return Plan::template Run<TensorType::kIQ4_NL>;
    default: return nullptr;
  }
}

template <class Unit>
struct ByPanels {
  template <TensorType kType>
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    FloatKernel<Unit, kType>(x, task, begin, end, scratch);
  }
};

}  // namespace
}  // namespace pith
