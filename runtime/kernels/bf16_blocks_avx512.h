// Thirty-two consecutive weights of a row as bf16, with AVX-512's conversions. After float_vectors_avx512.h.
#pragma once

#include "runtime/kernels/float_blocks.h"

namespace pith {
namespace {

inline __m512i ToBf16(__m512 low, __m512 high) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)); }

// Of blocks of four bits, written by hand, the sixteen possible values are rounded once and looked up. They stand in the table twice, so that the
// fifth bit of an index does not matter.
template <TensorType kType>
inline __m512i Bf16Block(const uint8_t* at) {
  using Block = Block32<kType>;
  if constexpr (kType == TensorType::kBF16) {
    return _mm512_loadu_si512(at);
  } else if constexpr (kType == TensorType::kQ4_0 || kType == TensorType::kQ4_1 || kType == TensorType::kIQ4_NL) {
    const __m512 table = LevelTable(LevelsOf<kType>(), BroadcastHalf(at), Block::Min(at));
    const __m512i words = _mm512_cvtepu8_epi16(_mm256_broadcastsi128_si256(LoadBytes(Block::Codes(at))));
    const __m512i shifts = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(4), 1);
    return _mm512_permutexvar_epi16(_mm512_srlv_epi16(words, shifts), ToBf16(table, table));
  } else {
    Floats values[2];
    Block::Get(at, values);
    return ToBf16(values[0], values[1]);
  }
}

// A panel of bf16 (float_linear.h).
struct Bf16Values {
  using Value = uint16_t;
  template <TensorType kFrom>
  static void Unpack(const uint8_t* at, uint16_t* out) {
    _mm512_store_si512(out, Bf16Block<kFrom>(at));
  }
};

}  // namespace
}  // namespace pith
