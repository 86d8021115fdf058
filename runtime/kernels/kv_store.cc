// How a token's key and value are laid into a page (attention.h).
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/tensor_type.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/clones.h"

namespace pith {

// Selected by masks: branches would keep compilers from vectorising.
PITH_CLONES void FloatsToF16(const float* in, uint16_t* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(in[i]);
    const uint32_t u = bits & 0x7fffffffu;
    const uint32_t normal = (u - (112u << 23) + 0xfffu + ((u >> 13) & 1u)) >> 13;
    // Below 2^−14 the unit of f16 is 2^−24, which is the last bit of floats in [0.5, 1): adding 0.5 rounds to it.
    const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(u) + 0.5f) - 0x3f000000u;
    const uint32_t small = -static_cast<uint32_t>(u < (113u << 23));
    const uint32_t large = -static_cast<uint32_t>(u >= 0x477ff000u);  // 65520 and above round to infinity
    const uint32_t nan = -static_cast<uint32_t>(u > 0x7f800000u);
    uint32_t h = (subnormal & small) | (normal & ~small);
    h = (0x7c00u & large) | (h & ~large);
    h |= (0x200u | ((u >> 13) & 0x3ffu)) & nan;
    out[i] = static_cast<uint16_t>(((bits >> 16) & 0x8000u) | h);
  }
}

namespace {

template <class T>
void StorePlain(const T* k, const T* v, int64_t key_dim, int64_t value_dim, int64_t token, void* k_page, void* v_page) {
  T* column = static_cast<T*>(k_page) + token;
  for (int64_t i = 0; i < key_dim; ++i) column[i * kKvPageTokens] = k[i];
  std::memcpy(static_cast<T*>(v_page) + token * value_dim, v, static_cast<size_t>(value_dim) * sizeof(T));
}

// 32 values as d · q; d as it is stored. NaN and infinity make d so too.
void QuantiseGroup(const float* x, int8_t* q, uint16_t* d) {
  float max_abs = 0;
  for (int i = 0; i < 32; ++i) max_abs = !(std::fabs(x[i]) <= max_abs) && !std::isnan(max_abs) ? std::fabs(x[i]) : max_abs;
  *d = F32ToF16(max_abs / 127.0f);
  const float scale = F16ToF32(*d), inverse = scale > 0 ? 1.0f / scale : 0.0f;
  for (int i = 0; i < 32; ++i) {
    const float code = std::nearbyint(x[i] * inverse);
    q[i] = code >= 127.0f ? int8_t{127} : code <= -127.0f ? int8_t{-127} : std::isnan(code) ? int8_t{0} : static_cast<int8_t>(code);
  }
}

void StoreInt8(const float* k, const float* v, int64_t key_dim, int64_t value_dim, int64_t token, uint8_t* k_page, uint8_t* v_page) {
  auto* k_scales = reinterpret_cast<uint16_t*>(k_page + kKvPageTokens * key_dim);
  auto* v_scales = reinterpret_cast<uint16_t*>(v_page + kKvPageTokens * value_dim);
  int8_t q[32];
  for (int64_t g = 0; g < key_dim / 32; ++g) {
    QuantiseGroup(k + 32 * g, q, &k_scales[g * kKvPageTokens + token]);
    for (int64_t i = 0; i < 32; ++i) {
      const int64_t four = 8 * g + i / 4;
      k_page[(four * kKvPageTokens + token) * 4 + i % 4] = static_cast<uint8_t>(q[i] + 128);
    }
  }
  for (int64_t g = 0; g < value_dim / 32; ++g) {
    QuantiseGroup(v + 32 * g, q, &v_scales[g * kKvPageTokens + token]);
    std::memcpy(v_page + token * value_dim + 32 * g, q, 32);
  }
}

}  // namespace

void StoreKv(KvType type, int64_t key_dim, int64_t value_dim, int64_t token, const float* k, const float* v, void* k_page, void* v_page) {
  switch (type) {
    case KvType::kF32: StorePlain(k, v, key_dim, value_dim, token, k_page, v_page); return;
    case KvType::kF16: {
      uint16_t halves[2 * kMaxHeadDim];
      PITH_CHECK(key_dim <= kMaxHeadDim && value_dim <= kMaxHeadDim, key_dim, " and ", value_dim);
      FloatsToF16(k, halves, key_dim);
      FloatsToF16(v, halves + kMaxHeadDim, value_dim);
      StorePlain(halves, halves + kMaxHeadDim, key_dim, value_dim, token, k_page, v_page);
      return;
    }
    case KvType::kInt8:
      StoreInt8(k, v, key_dim, value_dim, token, static_cast<uint8_t*>(k_page), static_cast<uint8_t*>(v_page));
      return;
  }
}

}  // namespace pith
