#include "base/rng.h"

#include <bit>
#include <cmath>

#include "base/error.h"

namespace pith {
namespace {

// SplitMix64 (Steele, Lea and Flood 2014).
uint64_t SplitMix(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Natural logarithm of x in (0, 1]. The C library's may differ in the last bit from one machine to the next; this one
// uses exactly rounded operations only: log(m·2^e) = e·log 2 + 2·artanh((m − 1)/(m + 1)), m in [√½, √2).
double PortableLog(double x) {
  int exponent;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 0;
  for (int k = 23; k >= 1; k -= 2) series = series * s2 + 1.0 / k;
  return exponent * 0.69314718055994530942 + 2 * s * series;
}

}  // namespace

Rng::Rng(uint64_t seed, std::initializer_list<uint64_t> path) {
  uint64_t state = seed;
  for (const uint64_t step : path) {
    state = SplitMix(&state) ^ step;
  }
  for (uint64_t& word : s_) word = SplitMix(&state);
}

uint64_t Rng::Next() {
  const uint64_t result = std::rotl(s_[1] * 5, 7) * 9, shifted = s_[1] << 17;
  s_[2] ^= s_[0];
  s_[3] ^= s_[1];
  s_[1] ^= s_[2];
  s_[0] ^= s_[3];
  s_[2] ^= shifted;
  s_[3] = std::rotl(s_[3], 45);
  return result;
}

double Rng::Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

int64_t Rng::Int(int64_t low, int64_t high) {
  PITH_CHECK(low <= high, low, " > ", high);
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  if (range == 0) return static_cast<int64_t>(Next());
  // Draws below 2^64 mod range would make the first remainders likelier.
  const uint64_t threshold = (0 - range) % range;
  uint64_t draw;
  do draw = Next();
  while (draw < threshold);
  return static_cast<int64_t>(static_cast<uint64_t>(low) + draw % range);
}

double Rng::Normal() {
  // Marsaglia's polar method; the second value of the pair is dropped so that a stream has no hidden state.
  while (true) {
    const double u = 2 * Uniform() - 1, v = 2 * Uniform() - 1, q = u * u + v * v;
    if (q > 0 && q < 1) return u * std::sqrt(-2 * PortableLog(q) / q);
  }
}

}  // namespace pith
