#include "adapters/torch/products.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include "base/error.h"

namespace pith {

void Products::SumInto(const at::Tensor& y, std::span<const ProductTerm> terms, const at::Tensor& bias) const {
  bool first = true;
  for (const ProductTerm& term : terms) {
    const at::Tensor w = term.transposed ? term.w.t() : term.w;
    at::Tensor out = y;
    if (!first) {
      out.addmm_(term.x, w);
    } else if (bias.defined()) {
      at::addmm_out(out, bias, term.x, w);
    } else {
      at::mm_out(out, term.x, w);
    }
    first = false;
  }
}

at::Tensor Products::Sum(std::initializer_list<ProductTerm> terms, const at::Tensor& bias) const {
  PITH_CHECK(terms.size() > 0, "a sum of no products");
  const ProductTerm& term = *terms.begin();
  const at::Tensor y = at::empty({term.x.size(0), term.w.size(term.transposed ? 0 : 1)}, term.x.options());
  SumInto(y, {terms.begin(), terms.size()}, bias);
  return y;
}

const Products& LibTorchProducts() {
  static const Products products;
  return products;
}

}  // namespace pith
