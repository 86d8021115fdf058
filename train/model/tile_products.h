// Products (adapters/torch/products.h) of bf16 matrices by AMX's tiles, of all others by LibTorch.
#pragma once

#include "adapters/torch/products.h"

namespace pith {

class TileProducts : public Products {
 public:
  // nullptr where this processor or this build has no AMX.
  static const TileProducts* Get();
  void SumInto(const at::Tensor& y, std::span<const ProductTerm> terms, const at::Tensor& bias) const override;
  int64_t RoomBytes(int64_t rows, int64_t depth) const override;
};

// The fastest that this processor has; PITH_ISA=NAME overrides (BestIsa() of runtime/kernels/linear.h).
const Products& BestProducts();

}  // namespace pith
