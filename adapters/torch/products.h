// The products of large matrices that a frozen layer is made of. This is LibTorch's body, which runs on any device and type; a processor
// with instructions of its own for them gets another (train/model/tile_products.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace pith {

// x_MK · W_KN, where W is w, K×N, or `transposed` w's transpose, w being N×K as layers keep it. Values of a row lie side by side, rows any way apart.
struct ProductTerm {
  at::Tensor x, w;
  bool transposed = false;
};

class Products {
 public:
  virtual ~Products() = default;
  // y_MN = Σ terms + bias_N (undefined: none), of the terms' type. The terms are one or several, of the same M and N.
  virtual void SumInto(const at::Tensor& y, std::span<const ProductTerm> terms, const at::Tensor& bias) const;
  // Memory of its own that it keeps, at most, for sums of so many rows whose terms' K add up to `depth`.
  virtual int64_t RoomBytes(int64_t /*rows*/, int64_t /*depth*/) const { return 0; }

  at::Tensor Sum(std::initializer_list<ProductTerm> terms, const at::Tensor& bias = {}) const;
};

const Products& LibTorchProducts();

}  // namespace pith
