// Products of transposed codes: a vector holds four consecutive codes of each of several rows of weights, and meets four values of x. The same
// sums in the same order as int8_few_rows.h, so the same bits.
#pragma once

#include "runtime/kernels/int8_formats.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

// A block of each of kLanes rows, the first of which is at `block`.
template <class F>
struct TransposedBlock {
  const uint8_t* block;
  int64_t stride;
  Ints planes[F::kPlanes == 0 ? 1 : F::kPlanes][kLanes];  // several groups share a plane: it is transposed once

  inline __attribute__((always_inline)) TransposedBlock(const uint8_t* at, int64_t row_bytes) : block(at), stride(row_bytes) {
    if constexpr (F::kPlanes > 0) {
#pragma GCC unroll 1
      for (int p = 0; p < F::kPlanes; ++p) {
        Bytes rows[kLanes];
        for (int r = 0; r < kLanes; ++r) rows[r] = LoadBytes(block + r * stride + F::PlaneAt(p));
        Transpose(rows, planes[p]);
      }
    }
  }
  // codes[j] lane r: codes 4j to 4j + 3 of group g of row r.
  inline __attribute__((always_inline)) void Codes(int g, Ints* codes) const {
    if constexpr (F::kPlanes > 0) {
      for (int j = 0; j < kLanes; ++j) codes[j] = F::Compose(planes[F::Low(g)][j], planes[F::High(g)][j], g);
    } else if constexpr (F::kNibbles) {
      Ints dwords[4];
      GatherFourDwords(block + F::At(g), stride, dwords);
      for (int j = 0; j < 4; ++j) {
        codes[j] = Multiplied<F>(F::Map(Bits(dwords[j], 0, 15)));
        codes[4 + j] = Multiplied<F>(F::Map(Bits(dwords[j], 4, 15)));
      }
    } else {
      Bytes rows[kLanes];
      for (int r = 0; r < kLanes; ++r) rows[r] = Multiplied<F>(F::Codes(block + r * stride, g));
      Transpose(rows, codes);
    }
  }
};

// The sums of steps [kBegin, kEnd) of a group's eight, kM rows of x against kP vectors of rows: code(p, j) is a vector of codes. Without
// an instruction that sums four products, they are summed in 16 bits as long as they fit, then in 32.
template <class V, class F, int kM, int kP>
struct Dots {
  typename V::Ints dot[kM][kP];

  template <int kBegin, int kEnd, class Code>
  inline __attribute__((always_inline)) void Run(const int8_t* q, int64_t padded, const typename V::Ints* minus8, const Code& code) {
    for (int m = 0; m < kM; ++m) {
      for (int p = 0; p < kP; ++p) {
        if constexpr (kBiasShift<F> == 0) {
          dot[m][p] = V::Broadcast(0);
        } else {
          dot[m][p] = ShiftLeft<kBiasShift<F> - 3>(minus8[m]);
        }
      }
    }
#if !defined(PITH_DPBUSD)
    constexpr int kSteps = F::kMost > 63 ? 1 : F::kMost > 31 ? 2 : F::kMost > 15 ? 4 : 8;  // before 2^15 could be passed
    typename V::Ints pairs[kM][kP];
#endif
#pragma GCC unroll 8
    for (int j = kBegin; j < kEnd; ++j) {
#pragma GCC unroll 8
      for (int m = 0; m < kM; ++m) {
        int32_t four;
        __builtin_memcpy(&four, q + m * padded + j * 4, 4);
#pragma GCC unroll 2
        for (int p = 0; p < kP; ++p) {
#if defined(PITH_DPBUSD)
          dot[m][p] = Dot(dot[m][p], code(p, j), V::Broadcast(four));
#else
          const auto two = Pairs<F::kSigned>(code(p, j), V::Broadcast(four));
          pairs[m][p] = j % kSteps == 0 || j == kBegin ? two : AddPairs(pairs[m][p], two);
          if ((j + 1) % kSteps == 0 || j + 1 == kEnd) dot[m][p] = AddToSum(dot[m][p], pairs[m][p]);
#endif
        }
      }
    }
  }
};

enum GroupScale { kScale, kMin, kFirstHalf, kSecondHalf };

// Adds what a group gives to sum[m][p]. scale(p, GroupScale) is a vector of floats.
template <class V, class F, int kM, int kP, class Code, class Scale>
inline __attribute__((always_inline)) void AddProducts(const int8_t* q, int64_t padded, const RowGroup* of_x, int64_t blocks, const Code& code, const Scale& scale,
                                                       typename V::Floats (*sum)[kP]) {
  Dots<V, F, kM, kP> dots;
  typename V::Floats whole[kM][kP];
  typename V::Ints minus8[kM];
  for (int m = 0; m < kM; ++m) minus8[m] = V::Broadcast(F::kHalves ? of_x[m * blocks].minus8_low : of_x[m * blocks].minus8);
  if constexpr (F::kHalves) {
    dots.template Run<0, 4>(q, padded, minus8, code);
    for (int p = 0; p < kP; ++p) {
      for (int m = 0; m < kM; ++m) whole[m][p] = Multiply(scale(p, kFirstHalf), ToFloats(dots.dot[m][p]));
    }
    for (int m = 0; m < kM; ++m) minus8[m] = Subtract(V::Broadcast(of_x[m * blocks].minus8), minus8[m]);
    dots.template Run<4, 8>(q, padded, minus8, code);
    for (int p = 0; p < kP; ++p) {
      for (int m = 0; m < kM; ++m) whole[m][p] = MultiplyAdd(scale(p, kSecondHalf), ToFloats(dots.dot[m][p]), whole[m][p]);
    }
  } else {
    dots.template Run<0, 8>(q, padded, minus8, code);
    for (int m = 0; m < kM; ++m) {
      for (int p = 0; p < kP; ++p) whole[m][p] = ToFloats(dots.dot[m][p]);
    }
  }
  for (int p = 0; p < kP; ++p) {
    const typename V::Floats d = scale(p, kScale);
    for (int m = 0; m < kM; ++m) {
      sum[m][p] = MultiplyAdd(Multiply(d, V::Broadcast(of_x[m * blocks].d)), whole[m][p], sum[m][p]);
      if (F::kMin) sum[m][p] = MultiplyAdd(scale(p, kMin), V::Broadcast(of_x[m * blocks].d_sum), sum[m][p]);
    }
  }
}

}  // namespace
}  // namespace pith
