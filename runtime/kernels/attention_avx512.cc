// attention.h with AVX-512 and VNNI.
#if defined(__AVX512F__)
#include "runtime/kernels/float_vectors_avx512.h"

#include "runtime/kernels/int8_attention.h"

namespace pith {
namespace {

// Keys are multiplied as they lie, 128 too large, which is taken off first.
struct UnsignedDot {
  using Keys = __m512i;
  static Ints Start(const RowGroup& group) { return BroadcastInt(16 * group.minus8); }
  static Keys Load(const uint8_t* at) { return _mm512_loadu_si512(at); }
  static Ints Add(Ints sum, Keys keys, Ints four) { return _mm512_dpbusd_epi32(sum, keys, four); }
};

}  // namespace

void AttendAvx512(const AttendArgs& args) {
  switch (args.kv.type) {
    case KvType::kF32: return AttendAs<Plain<float>>(args);
    case KvType::kF16: return AttendAs<Plain<Half>>(args);
    case KvType::kInt8: return AttendAs<Int8<UnsignedDot>>(args);
  }
}

}  // namespace pith
#endif
