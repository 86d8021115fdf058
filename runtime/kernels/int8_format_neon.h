// What the int8 kernels for Arm share: formats of blocks, their scales, and where results go. Four rows of weights are
// taken side by side.
//
// Every version adds block after block by the same two fused operations, y += (d_w · d_x) · Σ q_w q_x and y += m_w · d_sum_x,
// on integer sums that are exact in any order; so all of them give the same bits for a row, whatever the number of rows.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>

#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kInt8Rows = 4;

// kSmall: codes of W are between −8 and 15, so that four products fit in 16 bits.
template <TensorType kType>
struct Int8Format;
template <>
struct Int8Format<TensorType::kQ8_0> {
  static constexpr int kBytes = sizeof(BlockQ8_0), kHead = 2;
  static constexpr bool kMin = false, k4Bit = false, kSmall = false;
};
template <>
struct Int8Format<TensorType::kQ4_0> {
  static constexpr int kBytes = sizeof(BlockQ4_0), kHead = 2;
  static constexpr bool kMin = false, k4Bit = true, kSmall = true;
};
template <>
struct Int8Format<TensorType::kQ4_1> {
  static constexpr int kBytes = sizeof(BlockQ4_1), kHead = 4;
  static constexpr bool kMin = true, k4Bit = true, kSmall = true;
};
template <>
struct Int8Format<TensorType::kIQ4_NL> {
  static constexpr int kBytes = sizeof(BlockIQ4_NL), kHead = 2;
  static constexpr bool kMin = false, k4Bit = true, kSmall = false;
};

// The signed codes in the low and in the high halves of 16 bytes.
template <TensorType kType>
inline void SplitNibbles(uint8x16_t bytes, int8x16_t* low, int8x16_t* high) {
  *low = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
  *high = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
  if (kType == TensorType::kQ4_0) {
    *low = vsubq_s8(*low, vdupq_n_s8(8));
    *high = vsubq_s8(*high, vdupq_n_s8(8));
  }
  if (kType == TensorType::kIQ4_NL) {
    const int8x16_t levels = vld1q_s8(kIQ4Levels);
    *low = vqtbl1q_s8(levels, vreinterpretq_u8_s8(*low));
    *high = vqtbl1q_s8(levels, vreinterpretq_u8_s8(*high));
  }
}

// The f16 at rows[r] + offset of four rows, as floats.
inline float32x4_t Scales(const uint8_t* const* rows, int64_t offset) {
  uint16_t half[kInt8Rows];
  for (int r = 0; r < kInt8Rows; ++r) __builtin_memcpy(&half[r], rows[r] + offset, 2);
  uint16x4_t halves = vdup_n_u16(half[0]);
  halves = vset_lane_u16(half[1], halves, 1);
  halves = vset_lane_u16(half[2], halves, 2);
  halves = vset_lane_u16(half[3], halves, 3);
  return vcvt_f32_f16(vreinterpret_f16_u16(halves));
}

// Rows n to n + 3 of the task; the one before `end` stands in for those from `end` on.
struct Int8Rows {
  const uint8_t* at[kInt8Rows];
  Int8Rows(const LinearTask& task, int64_t n, int64_t end) {
    for (int64_t r = 0; r < kInt8Rows; ++r) at[r] = task.w + (n + r < end ? n + r : end - 1) * task.row_bytes;
  }
};

// The first `count` lanes (four at most) to row m of y, from column n on.
inline void StoreLanes(const LinearTask& task, int64_t m, int64_t n, int64_t count, float32x4_t sum) {
  float* y = task.y + m * task.y_stride + n;
  float32x4_t value = vmulq_n_f32(sum, task.scale);
  if (count >= kInt8Rows) {
    if (task.accumulate) value = vaddq_f32(vld1q_f32(y), value);
    vst1q_f32(y, value);
    return;
  }
  float values[kInt8Rows];
  vst1q_f32(values, value);
  for (int64_t r = 0; r < count; ++r) y[r] = task.accumulate ? y[r] + values[r] : values[r];
}

}  // namespace
}  // namespace pith
#endif
