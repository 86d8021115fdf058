// Quantisers of Q4_K and Q6_K: for each part the scale of the smallest weighted square error among those of a few trial grids, then
// the scales themselves rounded to their small integers. 256 values each; every input is defined (a part without finite fit becomes zeros).
#pragma once

#include "base/super_blocks.h"

namespace pith {

// x ≈ s·q − o with o ≥ 0, weights |x| + rms(x): grids from −o on in steps of (max + o) / (15 + t), t = −1 to 1 by tenths, with the best o so far, at
// first max(−min, 0); nearest codes on a grid, then the least-squares s and o for them (a 2 × 2 system). As ggml's quantize_row_q4_K_ref.
void QuantiseBlock(const float* x, BlockQ4_K* block);

// x ≈ s·q, weights x²: the grid that maps the value of largest magnitude to −32, and nine to either side in steps of a tenth of a code;
// nearest codes, then the least-squares s. As ggml's quantize_row_q6_K_ref.
void QuantiseBlock(const float* x, BlockQ6_K* block);

}  // namespace pith
