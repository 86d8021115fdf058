// e^x over the vectors of the float_vectors_*.h that was included before.
#pragma once

namespace pith {
namespace {

// Relative error at most 2^-22 (tests sweep it). Below −87.3: 0 at once or at 2^-126; above 88.7: infinity. NaN stays NaN.
// x = n ln 2 + r with |r| ≤ ln(2)/2, ln 2 split in two so that r is exact; e^r by its Taylor polynomial of degree 7, whose
// remainder r^8/8! is below 2^-27 there; then 2^n, n from −151 to 129.
inline Floats Exp(Floats x) {
  const Floats n = Round(x * Broadcast(1.44269504089f));
  const Floats r = NegativeMultiplyAdd(n, Broadcast(-2.12194440e-4f), NegativeMultiplyAdd(n, Broadcast(0.693359375f), x));
  Floats p = MultiplyAdd(Broadcast(1.0f / 5040.0f), r, Broadcast(1.0f / 720.0f));
  p = MultiplyAdd(p, r, Broadcast(1.0f / 120.0f));
  p = MultiplyAdd(p, r, Broadcast(1.0f / 24.0f));
  p = MultiplyAdd(p, r, Broadcast(1.0f / 6.0f));
  p = MultiplyAdd(p, r, Broadcast(0.5f));
  p = MultiplyAdd(p, r, Broadcast(1.0f));
  p = MultiplyAdd(p, r, Broadcast(1.0f));
  // n · ln 2 overflows r for infinite x.
  const Floats low = IfLess(x, Broadcast(-104.0f), Broadcast(0.0f), TimesPowerOfTwo(p, n));
  return IfLess(Broadcast(89.0f), x, Broadcast(__builtin_inff()), low);
}

}  // namespace
}  // namespace pith
