// kInt8 for Arm by dot products of single rows: up to eight rows of x meet each block of four rows of weights while its
// codes are in registers, straight from the file. `Dot` says how 32 products become four partial sums; pairwise additions
// fold those of four rows into one register.
#pragma once
#if defined(__aarch64__)
#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_format_neon.h"

namespace pith {
namespace {

// kM rows of x from m0 on.
template <class Dot, TensorType kType, int kM>
void Int8Tile(const RowsView& x, const LinearTask& task, int64_t m0, int64_t n, int64_t count, const Int8Rows& rows) {
  using F = Int8Format<kType>;
  float32x4_t sum[kM];
  for (int m = 0; m < kM; ++m) sum[m] = vdupq_n_f32(0.0f);
  for (int64_t b = 0; b < x.blocks; ++b) {
    int8x16_t w[kInt8Rows][2];
    for (int r = 0; r < kInt8Rows; ++r) {
      const uint8_t* codes = rows.at[r] + b * F::kBytes + F::kHead;
      if (F::k4Bit) {
        SplitNibbles<kType>(vld1q_u8(codes), &w[r][0], &w[r][1]);
      } else {
        w[r][0] = vreinterpretq_s8_u8(vld1q_u8(codes));
        w[r][1] = vreinterpretq_s8_u8(vld1q_u8(codes + 16));
      }
    }
    const float32x4_t d = Scales(rows.at, b * F::kBytes);
    const float32x4_t min = F::kMin ? Scales(rows.at, b * F::kBytes + 2) : d;
#pragma GCC unroll 8
    for (int m = 0; m < kM; ++m) {
      const int8_t* q = x.q + (m0 + m) * x.padded + b * kBlockSize;
      const int64_t at = (m0 + m) * x.blocks + b;
      const int8x16_t values[2] = {vld1q_s8(q), vld1q_s8(q + 16)};
      int32x4_t dot[kInt8Rows];
      for (int r = 0; r < kInt8Rows; ++r) dot[r] = Dot::template Products<F::kSmall>(w[r], values);
      const int32x4_t whole = vpaddq_s32(vpaddq_s32(dot[0], dot[1]), vpaddq_s32(dot[2], dot[3]));
      sum[m] = vfmaq_f32(sum[m], vmulq_n_f32(d, x.d[at]), vcvtq_f32_s32(whole));
      if (F::kMin) sum[m] = vfmaq_n_f32(sum[m], min, x.d_sum[at]);
    }
  }
  for (int m = 0; m < kM; ++m) StoreLanes(task, m0 + m, n, count, sum[m]);
}

template <class Dot, TensorType kType>
void Int8Kernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t*) {
  for (int64_t n = begin; n < end; n += kInt8Rows) {
    const Int8Rows rows(task, n, end);
    const int64_t count = end - n;
    InGroups<8>(x.m, [&](auto some, int64_t m) { Int8Tile<Dot, kType, some.value>(x, task, m, n, count, rows); });
  }
}

template <class Dot>
LinearKernel Int8KernelOf(TensorType type) {
  switch (type) {
    case TensorType::kQ8_0: return Int8Kernel<Dot, TensorType::kQ8_0>;
    case TensorType::kQ4_0: return Int8Kernel<Dot, TensorType::kQ4_0>;
    case TensorType::kQ4_1: return Int8Kernel<Dot, TensorType::kQ4_1>;
    case TensorType::kIQ4_NL: return Int8Kernel<Dot, TensorType::kIQ4_NL>;
    default: return nullptr;
  }
}

}  // namespace
}  // namespace pith
#endif
