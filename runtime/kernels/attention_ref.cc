// The scalar reference of attention.h, kept for ever.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/tensor_type.h"
#include "runtime/kernels/attention_kernels.h"

namespace pith {
namespace {

float Load(const void* page, bool f16, int64_t index) {
  return f16 ? F16ToF32(static_cast<const uint16_t*>(page)[index]) : static_cast<const float*>(page)[index];
}

}  // namespace

void AttendRef(const AttendArgs& a) {
  const int64_t H = a.head_dim;
  for (int64_t head = 0; head < a.heads; ++head) {
    const float* q = a.q + head * a.q_stride;
    float* out = a.out + head * a.out_stride;
    float* scores = a.scores + head * a.length;
    float top = -std::numeric_limits<float>::infinity();
    for (int64_t s = 0; s < a.length; ++s) {
      const void* page = a.kv.k[s / kKvPageTokens];
      const int64_t column = s % kKvPageTokens;
      float dot = 0.0f;
      for (int64_t i = 0; i < H; ++i) dot += q[i] * Load(page, a.kv.f16, i * kKvPageTokens + column);
      scores[s] = dot * a.scale;
      top = std::max(top, scores[s]);
    }
    float total = 0.0f;
    for (int64_t s = 0; s < a.length; ++s) {
      scores[s] = std::exp(scores[s] - top);
      total += scores[s];
    }
    std::fill(out, out + H, 0.0f);
    for (int64_t s = 0; s < a.length; ++s) {
      const void* page = a.kv.v[s / kKvPageTokens];
      const int64_t at = s % kKvPageTokens * H;
      for (int64_t i = 0; i < H; ++i) out[i] += scores[s] * Load(page, a.kv.f16, at + i);
    }
    const float factor = 1.0f / total;
    for (int64_t i = 0; i < H; ++i) out[i] *= factor;
  }
}

}  // namespace pith
