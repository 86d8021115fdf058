// attention.h with AVX2.
#if defined(__AVX2__)
#include "runtime/kernels/float_vectors_avx2.h"

#include "runtime/kernels/int8_attention.h"

namespace pith {
namespace {

// Products of bytes are summed in pairs of 16 bits by maddubs, |k| ≤ 127 times q under k's sign: 2 · 127 · 127 < 2^15.
struct SignedPairs {
  struct Keys {
    __m256i codes, magnitude;
  };
  static Ints Start(const RowGroup&) { return BroadcastInt(0); }
  static Keys Load(const uint8_t* at) {
    const __m256i codes = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)), _mm256_set1_epi8(static_cast<char>(0x80)));
    return {codes, _mm256_abs_epi8(codes)};
  }
  static Ints Add(Ints sum, const Keys& keys, Ints four) {
    const __m256i pairs = _mm256_maddubs_epi16(keys.magnitude, _mm256_sign_epi8(four, keys.codes));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

}  // namespace

void AttendAvx2(const AttendArgs& args) {
  switch (args.kv.type) {
    case KvType::kF32: return AttendAs<Plain<float>>(args);
    case KvType::kF16: return AttendAs<Plain<Half>>(args);
    case KvType::kInt8: return AttendAs<Int8<SignedPairs>>(args);
  }
}

}  // namespace pith
#endif
