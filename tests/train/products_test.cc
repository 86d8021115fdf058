// Sums of products by tiles and by LibTorch against the same sums in double.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "train/model/tile_products.h"

namespace pith {
namespace {

struct Size {
  int64_t m, n, k;
};
// Less than a tile, just more than one, several blocks of K, many groups of columns, more rows than are multiplied in one go.
constexpr Size kSizes[] = {{1, 1, 1}, {5, 3, 7}, {32, 32, 32}, {33, 31, 33}, {17, 65, 592}, {70, 96, 1801}, {40, 33, 3700}, {130, 700, 64}, {4133, 5, 40}};

// Values of bf16 whose rows lie `slack` further apart than they are long; what lies between is no number.
at::Tensor Values(int64_t rows, int64_t cols, int64_t slack) {
  const at::Tensor wide = at::empty({rows, cols + slack}, at::kBFloat16).fill_(std::nan(""));
  return wide.narrow(1, 0, cols).copy_(at::randn({rows, cols}));
}

ProductTerm RandomTerm(const Size& s, bool transposed) {
  return {Values(s.m, s.k, 3), transposed ? Values(s.n, s.k, 5) : Values(s.k, s.n, 1), transposed};
}

// The sum in double, and the sum of the absolute values of what is added.
std::pair<at::Tensor, at::Tensor> InDouble(std::initializer_list<ProductTerm> terms, const at::Tensor& bias) {
  at::Tensor sum, size;
  for (const ProductTerm& term : terms) {
    const at::Tensor x = term.x.to(at::kDouble), w = term.transposed ? term.w.to(at::kDouble).t() : term.w.to(at::kDouble);
    sum = sum.defined() ? sum + at::mm(x, w) : at::mm(x, w);
    size = size.defined() ? size + at::mm(x.abs(), w.abs()) : at::mm(x.abs(), w.abs());
  }
  return bias.defined() ? std::pair{sum + bias, size + bias.abs()} : std::pair{sum, size};
}

// The bodies that this processor has: one, or none.
std::vector<const Products*> Tiles() { return TileProducts::Get() != nullptr ? std::vector<const Products*>{TileProducts::Get()} : std::vector<const Products*>{}; }

std::vector<const Products*> Bodies() {
  std::vector<const Products*> bodies = Tiles();
  bodies.push_back(&LibTorchProducts());
  return bodies;
}

class ProductsTest : public ::testing::TestWithParam<const Products*> {
 protected:
  void SetUp() override { at::manual_seed(3); }
  // Rounded to bf16 once, after `depth` additions in float32; with `roundings` more where terms are rounded one after the other.
  void ExpectClose(const at::Tensor& y, std::initializer_list<ProductTerm> terms, const at::Tensor& bias = {}) const {
    const auto [sum, size] = InDouble(terms, bias);
    int64_t depth = 1;
    for (const ProductTerm& term : terms) depth += term.x.size(1);
    const double roundings = GetParam() == &LibTorchProducts() ? static_cast<double>(terms.size()) : 1;
    const at::Tensor bound = sum.abs() * (1.01 / 256) + size * (std::ldexp(static_cast<double>(depth), -24) + (roundings - 1) / 256);
    EXPECT_TRUE(((y.to(at::kDouble) - sum).abs() <= bound).all().item<bool>()) << "off by up to " << ((y.to(at::kDouble) - sum).abs() / bound).max().item<double>() << " bounds";
  }
  const Products* products_ = GetParam();
};

TEST_P(ProductsTest, AreTheSums) {
  for (const Size& s : kSizes) {
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(::testing::Message() << s.m << " x " << s.n << " x " << s.k << (transposed ? ", transposed" : ""));
      const ProductTerm one = RandomTerm(s, transposed), other = RandomTerm({s.m, s.n, 34}, !transposed);
      const at::Tensor bias = at::randn({s.n}).to(at::kBFloat16);
      ExpectClose(products_->Sum({one}), {one});
      ExpectClose(products_->Sum({one}, bias), {one}, bias);
      ExpectClose(products_->Sum({one, other}, bias), {one, other}, bias);
    }
  }
}

TEST_P(ProductsTest, WriteTheirOwnRowsAlone) {
  const ProductTerm term = RandomTerm({37, 45, 50}, true);
  const at::Tensor wide = at::empty({39, 60}, at::kBFloat16).fill_(7), y = wide.narrow(0, 1, 37).narrow(1, 2, 45);
  products_->SumInto(y, {&term, 1}, {});
  ExpectClose(y, {term});
  EXPECT_EQ((wide != 7).sum().item<int64_t>(), (y != 7).sum().item<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(Bodies, ProductsTest, ::testing::ValuesIn(Bodies()),
                         [](const auto& info) { return info.param == &LibTorchProducts() ? "LibTorch" : "Tiles"; });

TEST(TileProducts, HangOnNeitherOtherRowsNorThreads) {
  at::manual_seed(4);
  const ProductTerm term = RandomTerm({200, 300, 2000}, true);
  const int before = at::get_num_threads();
  for (const Products* tiles : Tiles()) {
    const at::Tensor all = tiles->Sum({term});
    for (const int64_t row : {0, 17, 199}) EXPECT_TRUE(at::equal(tiles->Sum({{term.x.narrow(0, row, 1), term.w, true}}), all.narrow(0, row, 1))) << row;
    for (const int threads : {1, 3}) {
      at::set_num_threads(threads);
      EXPECT_TRUE(at::equal(tiles->Sum({term}), all)) << threads << " threads";
    }
    at::set_num_threads(before);
  }
}

TEST(TileProducts, LeaveOtherTypesToLibTorch) {
  const at::Tensor x = at::randn({4, 5}), w = at::randn({6, 5});
  for (const Products* tiles : Tiles()) EXPECT_TRUE(at::equal(tiles->Sum({{x, w, true}}), LibTorchProducts().Sum({{x, w, true}})));
}

}  // namespace
}  // namespace pith
