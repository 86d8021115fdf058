// The scalar reference of the block formats of 32 values (base/tensor_type.h), block by block.
#pragma once

#include "base/tensor_type.h"

namespace pith {

void QuantiseBlock(const float* x, BlockQ8_0* block);
void QuantiseBlock(const float* x, BlockQ4_0* block);
void QuantiseBlock(const float* x, BlockQ4_1* block);
void QuantiseBlock(const float* x, BlockQ5_0* block);
void QuantiseBlock(const float* x, BlockQ5_1* block);
void QuantiseBlock(const float* x, BlockIQ4_NL* block);

void DequantiseBlock(const BlockQ8_0& block, float* out);
void DequantiseBlock(const BlockQ4_0& block, float* out);
void DequantiseBlock(const BlockQ4_1& block, float* out);
void DequantiseBlock(const BlockQ5_0& block, float* out);
void DequantiseBlock(const BlockQ5_1& block, float* out);
void DequantiseBlock(const BlockIQ4_NL& block, float* out);

}  // namespace pith
