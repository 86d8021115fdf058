#include "train/model/tile_products.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "runtime/kernels/linear.h"
#include "train/model/ops.h"
#include "train/model/tile_product.h"

namespace pith {
namespace {

bool IsRowsOfBf16(const at::Tensor& t) {
  return t.device().is_cpu() && t.scalar_type() == at::kBFloat16 && t.dim() == 2 && (t.size(1) <= 1 || t.stride(1) == 1);
}

// Aligned memory of this thread, kept between calls: fresh pages cost more than some of the products.
uint8_t* Room(int64_t bytes) {
  thread_local at::Tensor room;
  if (!room.defined() || room.numel() < bytes) room = at::empty({bytes}, at::kByte);
  return room.data_ptr<uint8_t>();
}

// Every number of [0, count) by one of the threads, each taking the next one that is left: they are not equally fast.
template <class Body>
void ShareOut(int64_t count, int num_threads, const Body& body) {
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, num_threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread) {
      for (int64_t i = next++; i < count; i = next++) body(i, thread);
    }
  });
}

}  // namespace

const TileProducts* TileProducts::Get() {
  static const TileProducts products;
  return IsaAvailable(Isa::kAmx) ? &products : nullptr;
}

void TileProducts::SumInto(const at::Tensor& y, std::span<const ProductTerm> terms, const at::Tensor& bias) const {
  bool ours = IsRowsOfBf16(y) && (!bias.defined() || (bias.scalar_type() == at::kBFloat16 && bias.is_contiguous()));
  for (const ProductTerm& term : terms) ours = ours && IsRowsOfBf16(term.x) && IsRowsOfBf16(term.w);
  if (!ours) return Products::SumInto(y, terms, bias);

  const int64_t m = y.size(0), n = y.size(1);
  std::vector<TileTerm> tiled;
  for (const ProductTerm& term : terms) {
    const int64_t k = term.x.size(1);
    PITH_CHECK(term.x.size(0) == m && term.w.size(term.transposed ? 0 : 1) == n && term.w.size(term.transposed ? 1 : 0) == k, m, " x ", n, " x ", k);
    tiled.push_back({Data<Bf16>(term.x), term.x.stride(0), Data<Bf16>(term.w), term.w.stride(0), k, term.transposed});
  }
  const int num_threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  const TileProduct product(tiled, Data<Bf16>(bias), m, n, Data<Bf16>(y), y.stride(0), num_threads);
  const auto aligned = [](int64_t bytes) { return (bytes + 63) / 64 * 64; };
  const int64_t packed_bytes = aligned(product.packed_bytes()), scratch_bytes = aligned(product.scratch_bytes());
  uint8_t* packed = Room(packed_bytes + num_threads * scratch_bytes);
  ShareOut(product.num_row_blocks(), num_threads, [&](int64_t block, int64_t) { product.PackRows(block, packed); });
  ShareOut(product.num_groups(), num_threads,
           [&](int64_t group, int64_t thread) { product.Run(group, packed, packed + packed_bytes + thread * scratch_bytes); });
}

const Products& BestProducts() {
  const TileProducts* tiles = BestIsa() == Isa::kAmx ? TileProducts::Get() : nullptr;
  return tiles != nullptr ? static_cast<const Products&>(*tiles) : LibTorchProducts();
}

}  // namespace pith
