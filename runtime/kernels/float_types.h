// Types in memory that the vectors of float_vectors_*.h are loaded from, beside float.
#pragma once

#include <cstdint>

namespace pith {

struct Half {  // IEEE's half precision
  uint16_t bits;
};
struct Bf16 {  // the upper half of a float
  uint16_t bits;
};

// What a value of four bits stands for where it stands for itself, and where it is 8 too large.
alignas(16) inline constexpr int8_t kPlainLevels[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
alignas(16) inline constexpr int8_t kSignedLevels[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};

}  // namespace pith
