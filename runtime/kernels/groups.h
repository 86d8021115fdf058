// Loops over rows or heads for kernels that take a number of them as a template argument: kMost at a time, then the rest.
#pragma once

#include <cstdint>

namespace pith {
namespace {

template <int kCount>
struct Count {
  static constexpr int value = kCount;
};

// body(Count<0>{}), body(Count<1>{}), …: the compiler knows the number early enough to keep body's elements of an array in registers, where a loop that it
// unrolls may leave them in memory.
template <int kCount, class Body>
inline __attribute__((always_inline)) void ForEach(const Body& body) {
  if constexpr (kCount > 0) {
    ForEach<kCount - 1>(body);
    body(Count<kCount - 1>{});
  }
}

// body(Count<left>{}, begin) where 0 < left ≤ kMost.
template <int kMost, class Body>
inline void InOneGroup(int64_t left, int64_t begin, const Body& body) {
  if constexpr (kMost > 0) {
    if (left == kMost) {
      body(Count<kMost>{}, begin);
    } else {
      InOneGroup<kMost - 1>(left, begin, body);
    }
  }
}

// body(Count<kMost>{}, i) for i = 0, kMost, 2·kMost, …; of what is left at the end one smaller group.
template <int kMost, class Body>
inline void InGroups(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + kMost <= count; i += kMost) body(Count<kMost>{}, i);
  InOneGroup<kMost - 1>(count - i, i, body);
}

}  // namespace
}  // namespace pith
