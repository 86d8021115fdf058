// kInt8 with the matrix products of Armv8.6 (SMMLA): two rows of x times two rows of W, eight values of k at a time, become
// the four sums of 32 bits. One row alone would waste half of each and takes the dot products of linear_int8_dotprod.cc,
// which give the same bits.
//
// Rows of x are copied in pairs beforehand, eight codes of one beside eight of the other; weights are paired in registers.
#if defined(__ARM_FEATURE_MATMUL_INT8)
#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_format_neon.h"

namespace pith {
namespace {

// A group of 32 of two rows a and b of x: codes 8i to 8i + 7 of a, then of b; scales as they meet the lanes of a product.
struct PairBlock {
  int8_t q[4][16];
  float d[4];      // a a b b
  float d_sum[4];
};
static_assert(sizeof(PairBlock) == 96);

constexpr int64_t kPackedRows = 64;  // rows of x in scratch at a time
static_assert(kPackedRows / 2 * static_cast<int64_t>(sizeof(PairBlock)) <= LinearScratchBytes(kBlockSize) - LinearScratchBytes(0));

inline int8x16_t FirstHalves(int8x16_t a, int8x16_t b) {
  return vreinterpretq_s8_s64(vtrn1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}
inline int8x16_t SecondHalves(int8x16_t a, int8x16_t b) {
  return vreinterpretq_s8_s64(vtrn2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

// Rows [begin, end) of x, pair after pair; a last odd row is paired with itself.
void Pack(const RowsView& x, int64_t begin, int64_t end, PairBlock* out) {
  for (int64_t m = begin; m < end; m += 2) {
    const int64_t row[2] = {m, m + 1 < end ? m + 1 : m};
    for (int64_t b = 0; b < x.blocks; ++b, ++out) {
      const int8_t *first = x.q + row[0] * x.padded + b * kBlockSize, *second = x.q + row[1] * x.padded + b * kBlockSize;
      for (int half = 0; half < 2; ++half) {
        const int8x16_t codes[2] = {vld1q_s8(first + 16 * half), vld1q_s8(second + 16 * half)};
        vst1q_s8(out->q[2 * half], FirstHalves(codes[0], codes[1]));
        vst1q_s8(out->q[2 * half + 1], SecondHalves(codes[0], codes[1]));
      }
      for (int lane = 0; lane < 4; ++lane) {
        out->d[lane] = x.d[row[lane / 2] * x.blocks + b];
        out->d_sum[lane] = x.d_sum[row[lane / 2] * x.blocks + b];
      }
    }
  }
}

// Codes 8i to 8i + 7 of the block at a, then of the one at b, in w[i].
template <TensorType kType>
inline void PairCodes(const uint8_t* a, const uint8_t* b, int8x16_t* w) {
  using F = Int8Format<kType>;
  const auto load = [](const uint8_t* at) { return vreinterpretq_s8_u8(vld1q_u8(at)); };
  const int8x16_t first[2] = {load(a + F::kHead), load(b + F::kHead)};
  const int8x16_t low = FirstHalves(first[0], first[1]), high = SecondHalves(first[0], first[1]);
  if (F::k4Bit) {
    SplitNibbles<kType>(vreinterpretq_u8_s8(low), &w[0], &w[2]);
    SplitNibbles<kType>(vreinterpretq_u8_s8(high), &w[1], &w[3]);
    return;
  }
  const int8x16_t second[2] = {load(a + F::kHead + 16), load(b + F::kHead + 16)};
  w[0] = low;
  w[1] = high;
  w[2] = FirstHalves(second[0], second[1]);
  w[3] = SecondHalves(second[0], second[1]);
}

// The scales of rows of W as they meet the lanes of a product: 0 1 0 1, then 2 3 2 3.
struct PairScales {
  float32x4_t at[2];
  explicit PairScales(float32x4_t four)
      : at{vcombine_f32(vget_low_f32(four), vget_low_f32(four)), vcombine_f32(vget_high_f32(four), vget_high_f32(four))} {}
};

// kPairs pairs of rows of x, of which `left` rows are wanted; the first is row m0.
template <TensorType kType, int kPairs>
void Tile(const PairBlock* x, int64_t blocks, const LinearTask& task, int64_t m0, int64_t left, int64_t n, int64_t count,
          const Int8Rows& rows) {
  using F = Int8Format<kType>;
  float32x4_t sum[kPairs][2];
  for (int p = 0; p < kPairs; ++p) sum[p][0] = sum[p][1] = vdupq_n_f32(0.0f);
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t offset = b * F::kBytes;
    int8x16_t w[2][4];
    PairCodes<kType>(rows.at[0] + offset, rows.at[1] + offset, w[0]);
    PairCodes<kType>(rows.at[2] + offset, rows.at[3] + offset, w[1]);
    const PairScales d(Scales(rows.at, offset)), min(F::kMin ? Scales(rows.at, offset + 2) : vdupq_n_f32(0.0f));
#pragma GCC unroll 4
    for (int p = 0; p < kPairs; ++p) {
      const PairBlock& block = x[p * blocks + b];
      const float32x4_t scale = vld1q_f32(block.d);
      for (int i = 0; i < 2; ++i) {
        int32x4_t dot = vdupq_n_s32(0);
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) dot = vmmlaq_s32(dot, vld1q_s8(block.q[k]), w[i][k]);
        sum[p][i] = vfmaq_f32(sum[p][i], vmulq_f32(d.at[i], scale), vcvtq_f32_s32(dot));
        if (F::kMin) sum[p][i] = vfmaq_f32(sum[p][i], min.at[i], vld1q_f32(block.d_sum));
      }
    }
  }
  for (int p = 0; p < kPairs; ++p) {
    StoreLanes(task, m0 + 2 * p, n, count, vcombine_f32(vget_low_f32(sum[p][0]), vget_low_f32(sum[p][1])));
    if (2 * p + 1 < left) {
      StoreLanes(task, m0 + 2 * p + 1, n, count, vcombine_f32(vget_high_f32(sum[p][0]), vget_high_f32(sum[p][1])));
    }
  }
}

template <TensorType kType>
void PairKernel(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  if (x.m == 1) {
    DotProdLinearKernel(kType, ActivationType::kInt8)(x, task, begin, end, scratch);
    return;
  }
  auto* packed = reinterpret_cast<PairBlock*>(scratch);
  for (int64_t m0 = 0; m0 < x.m; m0 += kPackedRows) {
    const int64_t stop = x.m - m0 < kPackedRows ? x.m : m0 + kPackedRows;
    Pack(x, m0, stop, packed);
    for (int64_t n = begin; n < end; n += kInt8Rows) {
      const Int8Rows rows(task, n, end);
      const int64_t count = end - n;
      InGroups<4>((stop - m0 + 1) / 2, [&](auto pairs, int64_t pair) {
        const int64_t m = m0 + 2 * pair, left = stop - m < 2 * pairs.value ? stop - m : 2 * pairs.value;
        Tile<kType, pairs.value>(packed + pair * x.blocks, x.blocks, task, m, left, n, count, rows);
      });
    }
  }
}

}  // namespace

LinearKernel I8mmLinearKernel(TensorType type, ActivationType precision) {
  if (precision != ActivationType::kInt8) return NeonLinearKernel(type, precision);
  switch (type) {
    case TensorType::kQ8_0: return PairKernel<TensorType::kQ8_0>;
    case TensorType::kQ4_0: return PairKernel<TensorType::kQ4_0>;
    case TensorType::kQ4_1: return PairKernel<TensorType::kQ4_1>;
    case TensorType::kIQ4_NL: return PairKernel<TensorType::kIQ4_NL>;
    default: return nullptr;
  }
}

}  // namespace pith
#endif
