// kF32 and kBF16 with AVX-512, which multiplies bf16 in pairs: panels hold them as they are.
#if defined(__AVX512F__)
#include "runtime/kernels/float_vectors_avx512.h"

#include "runtime/kernels/float_linear.h"

namespace pith {
namespace {

inline __m512i ToBf16(__m512 low, __m512 high) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)); }

// Thirty-two weights as bf16. Of blocks of four bits, written by hand, the sixteen possible values are rounded once and looked up. They stand in
// the table twice, so that the fifth bit of an index does not matter.
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

struct Bf16Unit {
  using Value = uint16_t;
  static constexpr int kStep = 32;
  static constexpr bool kAsItLies = true;
  static constexpr TensorType kType = TensorType::kBF16;
  static const uint16_t* Rows(const RowsView& x) { return x.bf16; }
  static int64_t Stride(const RowsView& x) { return x.padded; }
  template <TensorType kFrom>
  static void Unpack(const uint8_t* at, uint16_t* out) {
    _mm512_store_si512(out, Bf16Block<kFrom>(at));
  }
  static Floats Step(Floats sum, const uint16_t* x, const uint16_t* w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_loadu_si512(x)), reinterpret_cast<__m512bh>(_mm512_loadu_si512(w)));
  }
};

}  // namespace

LinearKernel Avx512FloatKernel(TensorType type, bool bf16) { return bf16 ? FloatKernelOf<Bf16Unit>(type) : FloatKernelOf<FloatUnit<false>>(type); }

}  // namespace pith
#endif
