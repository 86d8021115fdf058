// AMX: eight tiles of up to 16 rows of 64 bytes, and their products (Intel's Architecture Instruction Set Extensions, chapter 3).
//
// A product reads rows of A as they lie; of B, each row holds the next four bytes (or two bf16) of k of sixteen columns side by side:
//
//   TileDot:      C[i][j] += Σ_k A[i][k] · B[k / 4][j][k % 4]                                                 signed bytes, exact in 32 bits
//   TileDotBf16:  C[i][j] += Σ_k A[i][2k] · B[k][j][0] + Σ_k A[i][2k + 1] · B[k][j][1], k up to 16          floats: each sum by fused
//                 multiply-adds in order, then their sum is added; subnormals count as zeros
//
// It takes as many cycles as A has rows. Tiles are not renamed: what is to run side by side takes tiles of its own.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace pith {
namespace {

// What each tile is like, for this thread, until it goes: then the tiles are given back, so that the system need not save them.
struct TileShape {
  int rows = 0, bytes = 0;  // at most 16, 64
};
class Tiles {
 public:
  Tiles(TileShape sums, TileShape a, TileShape b) {  // tiles 0 to 3, 4 and 5, 6 and 7
    Config config;
    for (int i = 0; i < 8; ++i) {
      const TileShape& shape = i < 4 ? sums : i < 6 ? a : b;
      config.rows[i] = static_cast<uint8_t>(shape.rows);
      config.bytes[i] = static_cast<uint16_t>(shape.bytes);
    }
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(64) Config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
  };
  static_assert(sizeof(Config) == 64);
};
inline constexpr int kSumTiles = 4, kA = 4, kB = 6;  // the first tile of each kind
inline constexpr int kTileRows = 16;

// The compiler's own intrinsics are macros that take literals alone.
template <int kTile>
inline __attribute__((always_inline)) void TileZero() { asm volatile("tilezero %%tmm%c0" ::"i"(kTile)); }
template <int kTile>
inline __attribute__((always_inline)) void TileLoad(const void* first, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(first), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
inline __attribute__((always_inline)) void TileStore(void* first, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(first), "r"(stride), "i"(kTile) : "memory");
}
template <int kSum, int kOfA, int kOfB>
inline __attribute__((always_inline)) void TileDot() { asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kOfA), "i"(kOfB)); }
template <int kSum, int kOfA, int kOfB>
inline __attribute__((always_inline)) void TileDotBf16() { asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kOfA), "i"(kOfB)); }

// Rows become columns: sixteen by sixteen values of 32 bits.
inline void Transpose16(const __m512i* rows, __m512i* columns) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; ++j) {
      b[i + 2 * j] = _mm512_unpacklo_epi64(a[i + j], a[i + 2 + j]);
      b[i + 2 * j + 1] = _mm512_unpackhi_epi64(a[i + j], a[i + 2 + j]);
    }
  }
  // b[4i + c] holds columns c, 4 + c, 8 + c, 12 + c of rows 4i to 4i + 3.
  for (int c = 0; c < 4; ++c) {
    const __m512i low02 = _mm512_shuffle_i32x4(b[c], b[4 + c], 0x88), low13 = _mm512_shuffle_i32x4(b[c], b[4 + c], 0xdd);
    const __m512i high02 = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0x88), high13 = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0xdd);
    columns[c] = _mm512_shuffle_i32x4(low02, high02, 0x88);
    columns[4 + c] = _mm512_shuffle_i32x4(low13, high13, 0x88);
    columns[8 + c] = _mm512_shuffle_i32x4(low02, high02, 0xdd);
    columns[12 + c] = _mm512_shuffle_i32x4(low13, high13, 0xdd);
  }
}

}  // namespace
}  // namespace pith
