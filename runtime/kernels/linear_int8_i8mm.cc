// kInt8 with the matrix products of Armv8.6 (SMMLA): two rows of x times two rows of W, eight values of k at a time, become
// the four sums of 32 bits. One row alone would waste half of each and takes the dot products of linear_int8_dotprod.cc,
// which give the same bits.
//
// Rows of x are copied in pairs beforehand, eight codes of one beside eight of the other; weights are paired in registers.
#if defined(__ARM_FEATURE_MATMUL_INT8)
#include "runtime/kernels/groups.h"
#include "runtime/kernels/int8_few_rows.h"
#include "runtime/kernels/int8_kernels.h"

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
static_assert(kPackedRows / 2 * static_cast<int64_t>(sizeof(PairBlock)) + 2 * kLanes * kBlockSize <= LinearScratchBytes(kBlockSize) - LinearScratchBytes(0));

inline int8x16_t FirstHalves(uint8x16_t a, uint8x16_t b) {
  return vreinterpretq_s8_u64(vtrn1q_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
}
inline int8x16_t SecondHalves(uint8x16_t a, uint8x16_t b) {
  return vreinterpretq_s8_u64(vtrn2q_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
}

// w[i]: codes 8i to 8i + 7 of a, then of b.
inline void PairCodes(const Bytes& a, const Bytes& b, int8x16_t* w) {
  w[0] = FirstHalves(a.low, b.low);
  w[1] = SecondHalves(a.low, b.low);
  w[2] = FirstHalves(a.high, b.high);
  w[3] = SecondHalves(a.high, b.high);
}

// Rows [begin, end) of x, pair after pair; a last odd row is paired with itself.
void Pack(const RowsView& x, int64_t begin, int64_t end, PairBlock* out) {
  for (int64_t m = begin; m < end; m += 2) {
    const int64_t row[2] = {m, m + 1 < end ? m + 1 : m};
    for (int64_t b = 0; b < x.blocks; ++b, ++out) {
      const int8_t *first = x.q + row[0] * x.padded + b * kBlockSize, *second = x.q + row[1] * x.padded + b * kBlockSize;
      int8x16_t codes[4];
      PairCodes(LoadBytes(first), LoadBytes(second), codes);
      for (int i = 0; i < 4; ++i) vst1q_s8(out->q[i], codes[i]);
      for (int lane = 0; lane < 4; ++lane) {
        const RowGroup& of_x = x.groups[row[lane / 2] * x.blocks + b];
        out->d[lane] = of_x.d;
        out->d_sum[lane] = of_x.d_sum;
      }
    }
  }
}

// The scales of rows of W as they meet the lanes of a product: 0 1 0 1, then 2 3 2 3.
struct PairScales {
  float32x4_t at[2];
  explicit PairScales(float32x4_t four)
      : at{vcombine_f32(vget_low_f32(four), vget_low_f32(four)), vcombine_f32(vget_high_f32(four), vget_high_f32(four))} {}
};

// The sums of products [kBegin, kEnd) of a block of x with a pair of rows of W.
template <int kBegin, int kEnd>
inline float32x4_t PairDot(const PairBlock& x, const int8x16_t* w) {
  int32x4_t dot = vdupq_n_s32(0);
#pragma GCC unroll 4
  for (int k = kBegin; k < kEnd; ++k) dot = vmmlaq_s32(dot, vld1q_s8(x.q[k]), w[k]);
  return vcvtq_f32_s32(dot);
}

// kPairs pairs of rows of x, of which `left` rows are wanted; the first is row m0.
template <class F, int kPairs>
void Tile(const PairBlock* x, int64_t blocks, const LinearTask& task, int64_t m0, int64_t left, int64_t n, int64_t count, LanedRows rows) {
  float32x4_t sum[kPairs][2];
  for (int p = 0; p < kPairs; ++p) sum[p][0] = sum[p][1] = vdupq_n_f32(0.0f);
  Ahead ahead(task, rows, m0 == 0);
  for (int64_t b = 0; b < blocks; b += F::kGroups, rows.first += F::kBytes) {
    GroupScales<RowLanes> scales[F::kGroups];
    F::Scales(rows.first, rows.stride, scales);
    for (int g = 0; g < F::kGroups; ++g) {
      ahead.Ask<kLanes * F::kBytes / F::kGroups>();
      Bytes codes[kLanes];
      for (int r = 0; r < kLanes; ++r) codes[r] = Multiplied<F>(F::Codes(rows.first + r * rows.stride, g));
      int8x16_t w[2][4];
      PairCodes(codes[0], codes[1], w[0]);
      PairCodes(codes[2], codes[3], w[1]);
      const PairScales d(scales[g].d), min(F::kMin ? scales[g].min : ZeroFloats());
      const PairScales s0(F::kHalves ? scales[g].s[0] : ZeroFloats()), s1(F::kHalves ? scales[g].s[1] : ZeroFloats());
#pragma GCC unroll 4
      for (int p = 0; p < kPairs; ++p) {
        const PairBlock& block = x[p * blocks + b + g];
        const float32x4_t scale = vld1q_f32(block.d);
        for (int i = 0; i < 2; ++i) {
          const float32x4_t whole = F::kHalves ? vfmaq_f32(vmulq_f32(s0.at[i], PairDot<0, 2>(block, w[i])), s1.at[i], PairDot<2, 4>(block, w[i]))
                                               : PairDot<0, 4>(block, w[i]);
          sum[p][i] = vfmaq_f32(sum[p][i], vmulq_f32(d.at[i], scale), whole);
          if (F::kMin) sum[p][i] = vfmaq_f32(sum[p][i], min.at[i], vld1q_f32(block.d_sum));
        }
      }
    }
  }
  for (int p = 0; p < kPairs; ++p) {
    const float32x4_t scale = vdupq_n_f32(task.scale);
    StoreSums(task, m0 + 2 * p, n, count, vcombine_f32(vget_low_f32(sum[p][0]), vget_low_f32(sum[p][1])), scale);
    if (2 * p + 1 < left) StoreSums(task, m0 + 2 * p + 1, n, count, vcombine_f32(vget_high_f32(sum[p][0]), vget_high_f32(sum[p][1])), scale);
  }
}

struct OneRowOrPairs {
  template <class F>
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    if (x.m == 1) {
      FewRowsKernel<F>(x, task, begin, end, scratch);
      return;
    }
    auto* packed = reinterpret_cast<PairBlock*>(scratch);
    uint8_t* spare = scratch + kPackedRows / 2 * x.blocks * static_cast<int64_t>(sizeof(PairBlock));
    for (int64_t m0 = 0; m0 < x.m; m0 += kPackedRows) {
      const int64_t stop = x.m - m0 < kPackedRows ? x.m : m0 + kPackedRows;
      Pack(x, m0, stop, packed);
      for (int64_t n = begin; n < end; n += kLanes) {
        const LanedRows rows(task, n, end, kLanes, spare);
        InGroups<4>((stop - m0 + 1) / 2, [&](auto pairs, int64_t pair) {
          const int64_t m = m0 + 2 * pair, left = stop - m < 2 * pairs.value ? stop - m : 2 * pairs.value;
          Tile<F, pairs.value>(packed + pair * x.blocks, x.blocks, task, m, left, n, end - n, rows);
        });
      }
    }
  }
};

}  // namespace

LinearKernel I8mmInt8Kernel(TensorType type) { return Int8KernelOf<OneRowOrPairs>(type); }

}  // namespace pith
#endif
