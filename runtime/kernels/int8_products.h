// Products of transposed codes: a vector holds four consecutive codes of each of several rows of weights, and meets four values of x. The same
// sums in the same order as int8_few_rows.h, so the same bits.
#pragma once

#include "runtime/kernels/int8_formats.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

inline constexpr int kSteps = kBlockSize / 4;  // vectors of codes of a group

// codes[j] lane r: codes 4j to 4j + 3 of 32 bytes at first + r · stride.
template <class V>
inline __attribute__((always_inline)) void TransposeRows(const uint8_t* first, int64_t stride, typename V::Ints* codes) {
  V::GatherFourDwords(first, stride, codes);
  V::GatherFourDwords(first + 16, stride, codes + 4);
}

// Whether no group before g has codes in plane p.
template <class F>
constexpr bool IsNew(int p, int g) {
  for (int before = 0; before < g; ++before) {
    if (F::Low(before) == p || F::High(before) == p) return false;
  }
  return true;
}

// visit(g, code) for groups g, g + 1, … of a block of each of V's rows, the first of which is at `block`. code(j) lane r: codes 4j to 4j + 3 of row r.
// Groups share planes, which are transposed before the first of them: planes is where they are kept.
template <class V, class F, int g, class Visit>
inline __attribute__((always_inline)) void VisitPlanes(const uint8_t* block, int64_t stride, typename V::Ints (*planes)[kSteps], const Visit& visit) {
  if constexpr (g < F::kGroups) {
    constexpr int kLow = F::Low(g), kHigh = F::High(g);
    if constexpr (IsNew<F>(kLow, g)) TransposeRows<V>(block + F::PlaneAt(kLow), stride, planes[kLow]);
    if constexpr (kHigh != kLow && IsNew<F>(kHigh, g)) TransposeRows<V>(block + F::PlaneAt(kHigh), stride, planes[kHigh]);
    visit(g, [&](int j) __attribute__((always_inline)) { return Multiplied<F>(F::Compose(planes[kLow][j], planes[kHigh][j], g)); });
    VisitPlanes<V, F, g + 1>(block, stride, planes, visit);
  }
}
template <class V, class F, class Visit>
inline __attribute__((always_inline)) void VisitGroups(const uint8_t* block, int64_t stride, const Visit& visit) {
  if constexpr (F::kPlanes > 0) {
    typename V::Ints planes[F::kPlanes][kSteps];
    VisitPlanes<V, F, 0>(block, stride, planes, visit);
    return;
  }
#pragma GCC unroll 1
  for (int g = 0; g < F::kGroups; ++g) {
    if constexpr (F::kNibbles) {
      typename V::Ints dwords[4];
      V::GatherFourDwords(block + F::At(g), stride, dwords);
      visit(g, [&](int j) __attribute__((always_inline)) { return Multiplied<F>(F::Map(Bits(dwords[j % 4], j / 4 * 4, 0, 15))); });
    } else {
      Ints parts[2][kSteps];
      for (int part = 0; part < V::kCount / kLanes; ++part) {
        Bytes rows[kLanes];
        for (int r = 0; r < kLanes; ++r) rows[r] = Multiplied<F>(F::Codes(block + (part * kLanes + r) * stride, g));
        Transpose(rows, parts[part]);
      }
      visit(g, [&](int j) __attribute__((always_inline)) {
        const Ints both[] = {parts[0][j], parts[V::kCount / kLanes - 1][j]};
        return V::Of(both);
      });
    }
  }
}

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
#if defined(PITH_DPBUSD)
    typename V::Ints odd = V::Broadcast(0);  // one sum alone would wait for itself
#else
    constexpr int kFit = F::kMost > 63 ? 1 : F::kMost > 31 ? 2 : F::kMost > 15 ? 4 : 8;  // steps before 2^15 could be passed
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
          typename V::Ints& sum = kM * kP == 1 && j % 2 == 1 ? odd : dot[m][p];
          sum = Dot(sum, code(p, j), V::Broadcast(four));
#else
          const auto two = Pairs<F::kSigned>(code(p, j), V::Broadcast(four));
          pairs[m][p] = j % kFit == 0 || j == kBegin ? two : AddPairs(pairs[m][p], two);
          if ((j + 1) % kFit == 0 || j + 1 == kEnd) dot[m][p] = AddToSum(dot[m][p], pairs[m][p]);
#endif
        }
      }
    }
#if defined(PITH_DPBUSD)
    if (kM * kP == 1) dot[0][0] = Add(dot[0][0], odd);
#endif
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
