#include "train/model/tile_product.h"

#include <algorithm>

#if defined(__x86_64__)
#include "runtime/kernels/amx_tiles.h"

namespace pith {
namespace {

constexpr int64_t kTileWords = kTileRows * kTileRows;    // of 32 bits
constexpr int64_t kTileValues = 2 * kTileWords;          // of bf16
constexpr int64_t kPairValues = 2 * kTileValues;         // of the two tiles of a step
constexpr int64_t kSumValues = 4 * kTileWords;           // of the four tiles of sums
constexpr int64_t kMaxBlockSteps = 56;
constexpr int64_t kGroupBytes = int64_t{1} << 19;        // of W, in the second-level cache

int64_t Steps(int64_t depth) { return (depth + 31) / 32; }

// Values [0, count) of 32, zeros behind; none at all for count <= 0.
__m512i LoadValues(const Bf16* at, int64_t count) {
  if (count >= 32) return _mm512_loadu_si512(at);
  return count <= 0 ? _mm512_setzero_si512() : _mm512_maskz_loadu_epi16((__mmask32{1} << count) - 1, at);
}

// Two tiles of x against two of W for each of `steps`; sums: [tile of x, then of W][row of x][column of W].
void Products(const uint8_t* x, const uint8_t* w, int64_t steps, bool go_on, float* sums) {
  constexpr int64_t kRow = 64;
  if (go_on) {
    TileLoad<0>(sums, kRow);
    TileLoad<1>(sums + kTileWords, kRow);
    TileLoad<2>(sums + 2 * kTileWords, kRow);
    TileLoad<3>(sums + 3 * kTileWords, kRow);
  } else {
    TileZero<0>();
    TileZero<1>();
    TileZero<2>();
    TileZero<3>();
  }
  constexpr int64_t kTileBytes = kTileWords * 4;
  for (int64_t s = 0; s < steps; ++s, x += 2 * kTileBytes, w += 2 * kTileBytes) {
    TileLoad<kA>(x, kRow);
    TileLoad<kB>(w, kRow);
    TileLoad<kA + 1>(x + kTileBytes, kRow);
    TileLoad<kB + 1>(w + kTileBytes, kRow);
    TileDotBf16<0, kA, kB>();
    TileDotBf16<1, kA, kB + 1>();
    TileDotBf16<2, kA + 1, kB>();
    TileDotBf16<3, kA + 1, kB + 1>();
  }
  TileStore<0>(sums, kRow);
  TileStore<1>(sums + kTileWords, kRow);
  TileStore<2>(sums + 2 * kTileWords, kRow);
  TileStore<3>(sums + 3 * kTileWords, kRow);
}

// Rows of W, 16 of them, that are columns of the product: pairs of neighbours side by side.
void PackTransposed(const Bf16* w, int64_t stride, int64_t rows, int64_t values, uint8_t* out) {
  __m512i of_rows[kTileRows], columns[kTileRows];
  for (int64_t r = 0; r < kTileRows; ++r) of_rows[r] = r < rows ? LoadValues(w + r * stride, values) : _mm512_setzero_si512();
  Transpose16(of_rows, columns);
  for (int64_t c = 0; c < kTileRows; ++c) _mm512_store_si512(out + 64 * c, columns[c]);
}

// Rows of W of which two each are a pair, 32 columns of them: two tiles.
void PackPairs(const Bf16* w, int64_t stride, int64_t rows, int64_t columns, uint8_t* out) {
  alignas(64) static constexpr uint16_t kLow[32] = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                                    8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
  const __m512i low = _mm512_load_si512(kLow), high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  for (int64_t r = 0; r < 2 * kTileRows; r += 2, out += 64) {
    const __m512i first = LoadValues(w + r * stride, r < rows ? columns : 0), second = LoadValues(w + (r + 1) * stride, r + 1 < rows ? columns : 0);
    _mm512_store_si512(out, _mm512_permutex2var_epi16(first, low, second));
    _mm512_store_si512(out + kTileWords * 4, _mm512_permutex2var_epi16(first, high, second));
  }
}

}  // namespace

TileProduct::TileProduct(std::span<const TileTerm> terms, const Bf16* bias, int64_t m, int64_t n, Bf16* y, int64_t y_stride, int num_threads)
    : terms_(terms), bias_(bias), m_(m), n_(n), y_(y), y_stride_(y_stride) {
  for (const TileTerm& term : terms) steps_ += Steps(term.depth);
  const int64_t blocks = (steps_ + kMaxBlockSteps - 1) / kMaxBlockSteps;
  block_steps_ = (steps_ + blocks - 1) / blocks;
  // Rows of x are read once for each group: few large ones, but enough for the threads to share.
  const int64_t cached = kGroupBytes / (block_steps_ * kPairValues * 2), shared = (num_panels() + 2 * num_threads - 1) / (2 * num_threads);
  group_ = std::max<int64_t>(1, std::min(cached, shared));
}

void TileProduct::PackRows(int64_t block, uint8_t* packed) const {
  packed += block * steps_ * kPairValues * 2;
  for (const TileTerm& term : terms_) {
    for (int64_t r = 0; r < kBlock; ++r) {
      const int64_t row = block * kBlock + r;
      const Bf16* x = term.x + (row < m_ ? row : 0) * term.x_stride;
      uint8_t* out = packed + r * 64;
      for (int64_t k = 0; k < term.depth; k += 32, out += kPairValues * 2) _mm512_store_si512(out, LoadValues(x + k, row < m_ ? term.depth - k : 0));
    }
    packed += Steps(term.depth) * kPairValues * 2;
  }
}

void TileProduct::PackPanel(int64_t panel, int64_t begin, int64_t end, uint8_t* out) const {
  const int64_t n = panel * kBlock, columns = std::min(kBlock, n_ - n);
  int64_t first = 0;  // step of the term
  for (const TileTerm& term : terms_) {
    const int64_t steps = Steps(term.depth);
    for (int64_t s = std::max(begin, first); s < std::min(end, first + steps); ++s, out += kPairValues * 2) {
      const int64_t k = (s - first) * 32, depth = term.depth - k;
      if (!term.transposed) {
        PackPairs(term.w + k * term.w_stride + n, term.w_stride, depth, columns, out);
        continue;
      }
      const Bf16* w = term.w + n * term.w_stride + k;
      PackTransposed(w, term.w_stride, columns, depth, out);
      PackTransposed(w + kTileRows * term.w_stride, term.w_stride, columns - kTileRows, depth, out + kTileValues * 2);
    }
    first += steps;
  }
}

int64_t TileProduct::scratch_bytes() const {
  const int64_t sums = block_steps_ == steps_ ? 1 : group_ * num_row_blocks();
  return group_ * block_steps_ * kPairValues * 2 + sums * kSumValues * 4;
}

void TileProduct::Run(int64_t group, const uint8_t* packed, uint8_t* scratch) const {
  const TileShape full{kTileRows, 64};
  const Tiles tiles(full, full, full);
  const int64_t first = group * group_, last = std::min(first + group_, num_panels());
  const bool at_once = block_steps_ == steps_;
  uint8_t* panels = scratch;
  auto* sums = reinterpret_cast<float*>(scratch + group_ * block_steps_ * kPairValues * 2);
  for (int64_t begin = 0; begin < steps_; begin += block_steps_) {
    const int64_t end = std::min(begin + block_steps_, steps_), panel_bytes = (end - begin) * kPairValues * 2;
    for (int64_t p = first; p < last; ++p) PackPanel(p, begin, end, panels + (p - first) * panel_bytes);
    for (int64_t block = 0; block < num_row_blocks(); ++block) {
      const uint8_t* x = packed + (block * steps_ + begin) * kPairValues * 2;
      for (int64_t p = first; p < last; ++p) {
        float* at = at_once ? sums : sums + ((p - first) * num_row_blocks() + block) * kSumValues;
        Products(x, panels + (p - first) * panel_bytes, end - begin, begin > 0, at);
        if (end == steps_) Finish(at, block, p);
      }
    }
  }
}

void TileProduct::Finish(const float* sums, int64_t block, int64_t panel) const {
  const int64_t n = panel * kBlock, columns = std::min(kBlock, n_ - n), rows = std::min(kBlock, m_ - block * kBlock);
  const __mmask32 wanted = columns == kBlock ? ~__mmask32{0} : (__mmask32{1} << columns) - 1;
  __m512 low_bias = _mm512_setzero_ps(), high_bias = low_bias;
  if (bias_ != nullptr) {
    const __m512i bias = LoadValues(bias_ + n, columns);
    low_bias = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(bias)), 16));
    high_bias = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(bias, 1)), 16));
  }
  for (int64_t r = 0; r < rows; ++r) {
    const float* low = sums + r / kTileRows * 2 * kTileWords + r % kTileRows * kTileRows;
    const __m512bh value = _mm512_cvtne2ps_pbh(_mm512_add_ps(_mm512_load_ps(low + kTileWords), high_bias), _mm512_add_ps(_mm512_load_ps(low), low_bias));
    _mm512_mask_storeu_epi16(y_ + (block * kBlock + r) * y_stride_ + n, wanted, reinterpret_cast<__m512i>(value));
  }
}

}  // namespace pith
#else
#include "base/error.h"

namespace pith {

TileProduct::TileProduct(std::span<const TileTerm>, const Bf16*, int64_t, int64_t, Bf16*, int64_t, int) { PITH_CHECK(false, "no AMX in this build"); }
int64_t TileProduct::scratch_bytes() const { return 0; }
void TileProduct::PackRows(int64_t, uint8_t*) const {}
void TileProduct::Run(int64_t, const uint8_t*, uint8_t*) const {}

}  // namespace pith
#endif
