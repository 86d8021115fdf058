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

// Rows that are multiplied in one go. Memory grows with them; by so many, W's copy is paid for many times over.
constexpr int64_t kMostRows = 4096;

int64_t Aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t RoomOf(const TileProduct& product, int num_threads) { return Aligned(product.packed_bytes()) + num_threads * Aligned(product.scratch_bytes()); }

// Aligned memory of this thread, kept between calls: fresh pages cost more than some of the products.
uint8_t* Room(int64_t bytes) {
  thread_local at::Tensor room;
  if (!room.defined() || room.numel() < bytes) {
    room.reset();  // first, so that there are never two
    room = at::empty({bytes}, at::kByte);
  }
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
  for (int64_t row = 0; row < m; row += kMostRows) {
    const TileProduct product(tiled, Data<Bf16>(bias), std::min(kMostRows, m - row), n, Data<Bf16>(y) + row * y.stride(0), y.stride(0), num_threads);
    uint8_t* packed = Room(RoomOf(product, num_threads));
    uint8_t* scratch = packed + Aligned(product.packed_bytes());
    ShareOut(product.num_row_blocks(), num_threads, [&](int64_t block, int64_t) { product.PackRows(block, packed); });
    ShareOut(product.num_groups(), num_threads,
             [&](int64_t group, int64_t thread) { product.Run(group, packed, scratch + thread * Aligned(product.scratch_bytes())); });
    for (TileTerm& term : tiled) term.x += kMostRows * term.x_stride;
  }
}

int64_t TileProducts::RoomBytes(int64_t rows, int64_t depth) const {
  const TileTerm term{nullptr, 0, nullptr, 0, depth, false};
  constexpr int64_t kWide = int64_t{1} << 20;  // columns: as large a group of panels as any
  const int num_threads = at::get_num_threads();
  return RoomOf(TileProduct({&term, 1}, nullptr, std::min(rows, kMostRows), kWide, nullptr, 0, num_threads), num_threads);
}

const Products& BestProducts() {
  const TileProducts* tiles = BestIsa() == Isa::kAmx ? TileProducts::Get() : nullptr;
  return tiles != nullptr ? static_cast<const Products&>(*tiles) : LibTorchProducts();
}

}  // namespace pith
