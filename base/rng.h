// Random numbers that can be named: stream (seed, a, b, …) always yields the same sequence on every machine, so a sample
// depends on its seed and place alone, never on what ran beside it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>

namespace pith {

// xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64 over all of `path`.
class Rng {
 public:
  explicit Rng(uint64_t seed, std::initializer_list<uint64_t> path = {});
  uint64_t Next();
  double Uniform();                         // in [0, 1), 53 bits
  int64_t Int(int64_t low, int64_t high);   // uniform in [low, high], unbiased; low <= high
  double Normal();                          // mean 0, variance 1
  template <class Container>
  void Shuffle(Container& c) {              // Fisher–Yates
    for (int64_t i = static_cast<int64_t>(c.size()) - 1; i > 0; --i) std::swap(c[i], c[Int(0, i)]);
  }

 private:
  uint64_t s_[4];
};

}  // namespace pith
