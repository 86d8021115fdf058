// kInt8 for a few rows of x: kLanes rows of weights are read as they lie in the file, 32 codes of each become its sum with those of x, and the
// sums of all rows meet as lanes of one register. Nothing is written but y, so that what it costs is little beside reading the weights.
//
//   y[m][n] = Σ_g (d_w[n][g] · d_x[m][g]) · (Σ_k code_w code_x) + min_w[n][g] · (d_x Σ_k code_x)[m][g]
//
// Inner sums are integers and exact; the outer one runs in the order of groups, each term by one fused multiply-add. So it does in every
// int8 kernel and in the scalar reference: all give the same bits, whatever the instruction set and the number of rows.
//
// Rows side by side are several streams, which hardware does not foresee; so every group asks for as many bytes further on in the file
// (LinearTask::prefetch), line by line: not a block of eight groups at once, whose 18 to 27 lines would wait for each other.
#pragma once

#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_formats.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

// `count` rows of the task from n on. Where there are fewer until `end`, copies of them in scratch, padded with zeros: so rows are
// always equally far apart, which keeps their addresses in few registers.
struct LanedRows {
  const uint8_t* first;
  int64_t stride;
  LanedRows(const LinearTask& task, int64_t n, int64_t end, int count, uint8_t* scratch) : first(task.w + n * task.row_bytes), stride(task.row_bytes) {
    if (n + count <= end) return;
    const int64_t bytes = (end - n) * stride;
    __builtin_memcpy(scratch, first, static_cast<size_t>(bytes));
    __builtin_memset(scratch + bytes, 0, static_cast<size_t>(count * stride - bytes));
    first = scratch;
  }
};

// Asks for what lies further on than what is read, as much at a time; nothing where the plan says so, or where the rows were read before (not `first`).
class Ahead {
 public:
  Ahead(const LinearTask& task, const LanedRows& rows, bool first)
      : at_(rows.first + task.prefetch.bytes), near_(task.prefetch.near), asks_(first && task.prefetch.bytes > 0) {}
  template <int kBytes>
  inline __attribute__((always_inline)) void Ask() {
    if (asks_ && near_) {
      for (int i = 0; i < kBytes; i += 64) PrefetchNear(at_ + i);
    } else if (asks_) {
      for (int i = 0; i < kBytes; i += 64) PrefetchFar(at_ + i);
    }
    at_ += kBytes;
  }

 private:
  const uint8_t* at_;
  bool near_, asks_;
};

// The first `count` lanes to y.
inline void StoreFirst(float* y, Floats value, int64_t count, bool accumulate) {
  if (count >= kLanes) {
    Store(y, accumulate ? AddFloats(Load(y), value) : value);
    return;
  }
  float values[kLanes];
  Store(values, value);
  for (int64_t r = 0; r < count; ++r) y[r] = accumulate ? y[r] + values[r] : values[r];
}

// The first `count` sums, scaled, to row m of y, from column n on.
template <class Sums>
inline void StoreSums(const LinearTask& task, int64_t m, int64_t n, int64_t count, Sums sum, Sums scale) {
  StoreFirst(task.y + m * task.y_stride + n, Multiply(sum, scale), count, task.accumulate);
}

// What a group of kLanes rows adds to their sums with a group of x.
template <class F>
inline __attribute__((always_inline)) Floats AddGroup(const Bytes* codes, const GroupScales<RowLanes>& scales, const int8_t* q, const RowGroup& of_x, Floats sum) {
  constexpr int kShift = kBiasShift<F>;
  Floats whole;
  if constexpr (F::kHalves) {
    Ints low, high;
    DotRowsByHalves<F>(codes, LoadBytes(q), &low, &high);
    if constexpr (kShift > 0) {
      const Ints first = Broadcast(of_x.minus8_low);
      low = Add(low, ShiftLeft<kShift - 3>(first));
      high = Add(high, ShiftLeft<kShift - 3>(Subtract(Broadcast(of_x.minus8), first)));
    }
    // Integers below 2^24: exact as floats, and in any order.
    whole = MultiplyAdd(scales.s[1], ToFloats(high), Multiply(scales.s[0], ToFloats(low)));
  } else {
    Ints both = DotRows<F>(codes, LoadBytes(q));
    if constexpr (kShift > 0) both = Add(both, ShiftLeft<kShift - 3>(Broadcast(of_x.minus8)));
    whole = ToFloats(both);
  }
  sum = MultiplyAdd(Multiply(scales.d, Broadcast(of_x.d)), whole, sum);
  return F::kMin ? MultiplyAdd(scales.min, Broadcast(of_x.d_sum), sum) : sum;
}

// kM rows of x from m0 on.
template <class F, int kM>
inline void FewTile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, LanedRows rows) {
  Floats sum[kM];
  for (int m = 0; m < kM; ++m) sum[m] = ZeroFloats();
  Ahead ahead(task, rows, m0 == 0);
  const int8_t* q = x.q + m0 * x.padded;
  const RowGroup* of_x = x.groups + m0 * x.blocks;
  for (const RowGroup* end = of_x + x.blocks; of_x < end; of_x += F::kGroups, q += F::kGroups * kBlockSize, rows.first += F::kBytes) {
    GroupScales<RowLanes> scales[F::kGroups];
    F::Scales(rows.first, rows.stride, scales);
#pragma GCC unroll 1
    for (int g = 0; g < F::kGroups; ++g) {
      ahead.Ask<kLanes * F::kBytes / F::kGroups>();
      Bytes codes[kLanes];
#pragma GCC unroll 8
      for (int r = 0; r < kLanes; ++r) codes[r] = Multiplied<F>(F::Codes(rows.first + r * rows.stride, g));
#pragma GCC unroll 8
      for (int m = 0; m < kM; ++m) sum[m] = AddGroup<F>(codes, scales[g], q + m * x.padded + g * kBlockSize, of_x[m * x.blocks + g], sum[m]);
    }
  }
  for (int m = 0; m < kM; ++m) StoreSums(task, m0 + m, n, count, sum[m], Broadcast(task.scale));
}

// Any number of rows of x, kFewAtOnce at a time.
template <class F>
void FewRowsKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  for (int64_t n = begin; n < end; n += kLanes) {
    const LanedRows rows(task, n, end, kLanes, scratch);
    InGroups<kFewAtOnce>(x.m, [&](auto some, int64_t m) { FewTile<F, some.value>(x, task, m, n, end - n, rows); });
  }
}

struct FewRows {
  template <class F>
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    FewRowsKernel<F>(x, task, begin, end, scratch);
  }
};

}  // namespace
}  // namespace pith
