// The layer of float_vectors_avx2.h, which says what each function does, in the generic vectors of GCC and clang, for any processor: sixteen floats,
// split by the compiler. Of the layer what the trainer's kernels use. Whether a · b + c is rounded once or twice is up to -ffp-contract.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/kernels/float_types.h"

namespace pith {
namespace {

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
typedef uint32_t UnsignedInts __attribute__((vector_size(64)));
typedef uint16_t Shorts __attribute__((vector_size(32)));
inline constexpr int64_t kLanes = 16;

[[gnu::always_inline]] inline Floats Broadcast(float value) { return Floats{} + value; }
[[gnu::always_inline]] inline Floats Load(const float* at) {
  Floats v;
  __builtin_memcpy(&v, at, sizeof v);
  return v;
}
[[gnu::always_inline]] inline Floats Load(const Bf16* at) {
  Shorts upper;
  __builtin_memcpy(&upper, at, sizeof upper);
  return reinterpret_cast<Floats>(__builtin_convertvector(upper, UnsignedInts) << 16);
}
[[gnu::always_inline]] inline void Store(float* at, Floats v) { __builtin_memcpy(at, &v, sizeof v); }
[[gnu::always_inline]] inline void Store(Bf16* at, Floats v) {
  // Round to nearest, ties to even. NaNs with only low mantissa bits would round to infinity: non-finite all the same,
  // which is what stops a run.
  const UnsignedInts bits = reinterpret_cast<UnsignedInts>(v);
  const Shorts upper = __builtin_convertvector((bits + (((bits >> 16) & 1u) + 0x7fffu)) >> 16, Shorts);
  __builtin_memcpy(at, &upper, sizeof upper);
}

[[gnu::always_inline]] inline Floats LoadFirst(const float* at, int64_t left, float filler = 0.0f) {
  if (__builtin_expect(left >= kLanes, 1)) return Load(at);
  Floats v = Broadcast(filler);
  __builtin_memcpy(&v, at, sizeof(float) * static_cast<size_t>(left));
  return v;
}
[[gnu::always_inline]] inline void StoreFirst(float* at, int64_t left, Floats v) {
  if (__builtin_expect(left >= kLanes, 1)) return Store(at, v);
  __builtin_memcpy(at, &v, sizeof(float) * static_cast<size_t>(left));
}

[[gnu::always_inline]] inline Floats MultiplyAdd(Floats a, Floats b, Floats c) { return a * b + c; }
[[gnu::always_inline]] inline Floats NegativeMultiplyAdd(Floats a, Floats b, Floats c) { return c - a * b; }
[[gnu::always_inline]] inline Floats Max(Floats a, Floats b) { return a > b ? a : b; }
[[gnu::always_inline]] inline Floats Round(Floats v) {  // below 2^22
  const Floats magic = Broadcast(12582912.0f);  // 1.5 · 2^23: adding it leaves no room for what is behind the point
  return (v + magic) - magic;
}
[[gnu::always_inline]] inline Floats IfLess(Floats a, Floats b, Floats then, Floats otherwise) { return a < b ? then : otherwise; }
[[gnu::always_inline]] inline Floats TimesPowerOfTwo(Floats v, Floats n) {
  // What is out of range is not looked at, but may not be converted.
  const Ints whole = __builtin_convertvector(IfLess(n, Broadcast(-252.0f), Broadcast(-252.0f), IfLess(Broadcast(254.0f), n, Broadcast(254.0f), n)), Ints);
  const Ints half = whole >> 1;
  return v * reinterpret_cast<Floats>((half + 127) << 23) * reinterpret_cast<Floats>((whole - half + 127) << 23);
}

[[gnu::always_inline]] inline float Sum(Floats v) {
  float s[kLanes];
  Store(s, v);
  for (int64_t step = kLanes / 2; step > 0; step /= 2) {
    for (int64_t i = 0; i < step; ++i) s[i] += s[i + step];
  }
  return s[0];
}
[[gnu::always_inline]] inline float Largest(Floats v) {
  float s[kLanes];
  Store(s, v);
  float largest = s[0];
  for (int64_t i = 1; i < kLanes; ++i) largest = s[i] > largest ? s[i] : largest;
  return largest;
}

}  // namespace
}  // namespace pith
