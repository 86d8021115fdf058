// kBF16 with AMX: rows of weights are A of a tile product, as they lie or unpacked to bf16; x, whose pairs of values PackPairsAmx() has put side by side,
// is B. Two tiles of sixteen rows of weights meet two of sixteen rows of x.
//
// A sum runs over k in order, 32 at a time, and nothing of it hangs on the other rows: results are independent of M.
#if defined(__x86_64__)  // clang and GCC name what they compile for differently
#include "runtime/kernels/amx_tiles.h"
#include "runtime/kernels/float_vectors_avx512.h"

#include "runtime/kernels/bf16_blocks_avx512.h"
#include "runtime/kernels/float_linear.h"

namespace pith {
namespace {

constexpr int kTileValues = 32;  // of a row of a tile
static_assert(kRowGroup == 2 * kTileRows && kPairRows == kTileRows && kTileValues == kBlockSize);

// kX tiles of rows of x from m0 on, which begin at `pairs`, against kRowGroup rows of weights, of which `count` are wanted.
template <int kX>
void Products(const RowsView& x, const uint32_t* pairs, const LinearTask& task, int64_t m0, int64_t n, int64_t count, const uint16_t* w, int64_t w_stride) {
  TileZero<0>();
  TileZero<1>();
  if constexpr (kX == 2) {
    TileZero<2>();
    TileZero<3>();
  }
  constexpr int64_t kPairBytes = kTileRows * 4, kTilePairs = kTileRows * kTileRows;
  const int64_t half = kTileRows * w_stride, next = kTileRows * (x.padded / 2);
  for (int64_t k = 0; k < x.padded; k += kTileValues, pairs += kTilePairs) {
    TileLoad<kA>(w + k, w_stride * 2);
    TileLoad<kA + 1>(w + k + half, w_stride * 2);
    TileLoad<kB>(pairs, kPairBytes);
    TileDotBf16<0, kA, kB>();
    TileDotBf16<1, kA + 1, kB>();
    if constexpr (kX == 2) {
      TileLoad<kB + 1>(pairs + next, kPairBytes);
      TileDotBf16<2, kA, kB + 1>();
      TileDotBf16<3, kA + 1, kB + 1>();
    }
  }
  alignas(64) float sums[2 * kX][kTileRows][kTileRows];  // [of x, then of weights][rows of weights][rows of x]
  TileStore<0>(sums[0], kTileRows * 4);
  TileStore<1>(sums[1], kTileRows * 4);
  if constexpr (kX == 2) {
    TileStore<2>(sums[2], kTileRows * 4);
    TileStore<3>(sums[3], kTileRows * 4);
  }
  for (int tile = 0; tile < 2 * kX; ++tile) {
    __m512i of_w[kTileRows], of_x[kTileRows];
    for (int r = 0; r < kTileRows; ++r) of_w[r] = _mm512_load_si512(sums[tile][r]);
    Transpose16(of_w, of_x);
    const int64_t first = m0 + tile / 2 * kTileRows, column = tile % 2 * kTileRows, left = count - column;
    if (left <= 0) continue;
    for (int64_t r = first < 0 ? -first : 0; r < kTileRows && first + r < x.m; ++r) {
      float* y = task.y + (first + r) * task.y_stride + n + column;
      Floats value = _mm512_castsi512_ps(of_x[r]) * Broadcast(task.scale);
      if (task.accumulate) value = LoadFirst(y, left) + value;
      StoreFirst(y, left, value);
    }
  }
}

struct ByBf16Tiles {
  template <TensorType kType>
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    const TileShape full{kTileRows, kTileValues * 2};
    const Tiles tiles(full, full, full);
    const bool as_it_lies = kType == TensorType::kBF16 && x.k == x.padded;
    for (int64_t n = begin; n < end; n += kRowGroup) {
      const int64_t count = end - n < kRowGroup ? end - n : kRowGroup;
      auto* panel = reinterpret_cast<uint16_t*>(scratch);
      const uint16_t* w = panel;
      int64_t w_stride = x.padded;
      if (as_it_lies && count == kRowGroup) {
        w = reinterpret_cast<const uint16_t*>(task.w + n * task.row_bytes);
        w_stride = task.row_bytes / 2;
      } else {
        for (int64_t r = 0; r < kRowGroup; ++r) {  // the last row fills the panel up
          UnpackRow<Bf16Values, kType>(x, task.w + (n + (r < count ? r : count - 1)) * task.row_bytes, panel + r * w_stride);
        }
      }
      const uint32_t* pairs = x.bf16_pairs;
      for (int64_t m = -x.pair_shift; m < x.m; m += 2 * kTileRows, pairs += kTileRows * x.padded) {
        if (x.m - m > kTileRows) Products<2>(x, pairs, task, m, n, count, w, w_stride);
        else Products<1>(x, pairs, task, m, n, count, w, w_stride);
      }
    }
  }
};

}  // namespace

LinearKernel AmxBf16Kernel(TensorType type) { return FloatKernelOf<ByBf16Tiles>(type); }

void PackPairsAmx(const uint16_t* bf16, int64_t rows, int64_t padded, uint32_t* out) {
  for (int64_t k = 0; k < padded; k += kTileValues, out += kTileRows * kTileRows) {
    __m512i of_rows[kTileRows], columns[kTileRows];
    for (int64_t r = 0; r < kTileRows; ++r) of_rows[r] = r < rows ? _mm512_loadu_si512(bf16 + r * padded + k) : _mm512_setzero_si512();
    Transpose16(of_rows, columns);
    for (int64_t c = 0; c < kTileRows; ++c) _mm512_storeu_si512(out + c * kTileRows, columns[c]);
  }
}

}  // namespace pith
#endif
