// The quantiser of IQ4_NL: a search, where the other formats follow from the largest value.
#pragma once

#include "base/tensor_type.h"

namespace pith {

// The scale that minimises Σ x²·(x − d·level)² over a block of 32, among the fits for 15 trial scales; the one that maps the
// value of largest magnitude to level −127, and seven steps to either side. Each fit takes the nearest levels at the trial
// scale, then the least-squares d for them. As ggml's quantize_iq4_nl without an importance matrix.
void QuantiseIQ4_NL(const float* x, BlockIQ4_NL* block);

}  // namespace pith
