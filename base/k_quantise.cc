#include "base/k_quantise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pith {
namespace {

constexpr int kTenths = 10;             // trial grids to either side of the plain one in Q4_K, nine in Q6_K
constexpr float kVanishingPart = 1e-15f;  // a part of Q6_K whose values are all smaller becomes zeros

// The nearest integer, halves to even, within [low, high]; NaN becomes low. Adding 1.5·2^23 leaves no bits for a fraction.
int NearestWithin(float value, float low, float high) {
  const float inside = value > low ? (value < high ? value : high) : low;
  return static_cast<int>((inside + 12582912.0f) - 12582912.0f);
}

struct Line {  // x ≈ scale·q + low, low ≤ 0
  float scale = 0, low = 0;
};

// The least-squares line for the codes on the grid low + q / inverse, and its error.
template <int kCount>
Line FitLine(const float* x, const float* weights, float low, float inverse, float* error) {
  float q[kCount];
  for (int i = 0; i < kCount; ++i) q[i] = static_cast<float>(NearestWithin(inverse * (x[i] - low), 0.0f, 15.0f));
  float w = 0, wx = 0, wq = 0, wqq = 0, wxq = 0;
  for (int i = 0; i < kCount; ++i) {
    const float weighted = weights[i] * q[i];
    w += weights[i];
    wx += weights[i] * x[i];
    wq += weighted;
    wqq += weighted * q[i];
    wxq += weighted * x[i];
  }
  const float determinant = w * wqq - wq * wq;
  *error = INFINITY;
  if (!(determinant > 0.0f)) return {};
  Line line{(w * wxq - wx * wq) / determinant, (wqq * wx - wq * wxq) / determinant};
  if (line.low > 0.0f) line = {wxq / wqq, 0.0f};
  *error = 0.0f;
  for (int i = 0; i < kCount; ++i) {
    const float off = line.scale * q[i] + line.low - x[i];
    *error += weights[i] * off * off;
  }
  return line;
}

Line BestLine(const float* x) {
  constexpr int kCount = 32;
  float squares = 0, low = x[0], high = x[0], weights[kCount];
  for (int i = 0; i < kCount; ++i) {
    squares += x[i] * x[i];
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  const float rms = std::sqrt(squares / kCount);
  for (int i = 0; i < kCount; ++i) weights[i] = rms + std::fabs(x[i]);
  Line best{0.0f, std::min(low, 0.0f)};  // all values alike, or none that a grid fits
  float best_error = INFINITY;
  for (int tenth = -kTenths; high > best.low && tenth <= kTenths; ++tenth) {
    float error;
    const Line line = FitLine<kCount>(x, weights, best.low, (15.0f + 0.1f * static_cast<float>(tenth)) / (high - best.low), &error);
    if (!(error < best_error)) continue;
    best = line;
    best_error = error;
  }
  return std::isfinite(best.scale) && std::isfinite(best.low) && best.scale >= 0.0f ? best : Line{};
}

// The least-squares scale of x ≈ scale·q with q in [−32, 31] and weights x².
float BestScale(const float* x) {
  constexpr int kCount = 16;
  float extreme = 0;
  for (int i = 0; i < kCount; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  if (!(std::fabs(extreme) >= kVanishingPart)) return 0.0f;
  float best = 0, best_gain = 0;
  for (int tenth = -kTenths + 1; tenth < kTenths; ++tenth) {
    const float inverse = -(32.0f + 0.1f * static_cast<float>(tenth)) / extreme;
    float products = 0, squares = 0;
    for (int i = 0; i < kCount; ++i) {
      const auto q = static_cast<float>(NearestWithin(inverse * x[i], -32.0f, 31.0f));
      products += x[i] * x[i] * x[i] * q;
      squares += x[i] * x[i] * q * q;
    }
    const float scale = products / squares;  // the error falls by scale·products below that of all zeros
    if (!(scale * products > best_gain)) continue;
    best = scale;
    best_gain = scale * products;
  }
  return std::isfinite(best) ? best : 0.0f;
}

}  // namespace

void QuantiseBlock(const float* x, BlockQ4_K* block) {
  Line lines[8];
  float most_scale = 0, most_offset = 0;
  for (int part = 0; part < 8; ++part) {
    lines[part] = BestLine(x + part * 32);
    most_scale = std::max(most_scale, lines[part].scale);
    most_offset = std::max(most_offset, -lines[part].low);
  }
  block->d = F32ToF16(most_scale / 63.0f);
  block->dmin = F32ToF16(most_offset / 63.0f);
  const float inverse_scale = most_scale > 0.0f ? 63.0f / most_scale : 0.0f;
  const float inverse_offset = most_offset > 0.0f ? 63.0f / most_offset : 0.0f;
  SixBitScales scales;
  for (int part = 0; part < 8; ++part) {
    scales.scale[part] = static_cast<uint8_t>(NearestWithin(inverse_scale * lines[part].scale, 0.0f, 63.0f));
    scales.offset[part] = static_cast<uint8_t>(NearestWithin(inverse_offset * -lines[part].low, 0.0f, 63.0f));
  }
  PackSixBits(scales, block->scales);
  // The nearest codes for the scales as they are now.
  std::memset(block->q, 0, sizeof block->q);
  const float d = F16ToF32(block->d), dmin = F16ToF32(block->dmin);
  for (int part = 0; part < 8; ++part) {
    const float scale = d * static_cast<float>(scales.scale[part]), offset = dmin * static_cast<float>(scales.offset[part]);
    if (!(scale > 0.0f)) continue;
    for (int i = 0; i < 32; ++i) {
      const int code = NearestWithin((x[part * 32 + i] + offset) / scale, 0.0f, 15.0f);
      block->q[part / 2 * 32 + i] |= static_cast<uint8_t>(code << part % 2 * 4);
    }
  }
}

void QuantiseBlock(const float* x, BlockQ6_K* block) {
  float scales[16], extreme = 0;
  for (int part = 0; part < 16; ++part) {
    scales[part] = BestScale(x + part * 16);
    if (std::fabs(scales[part]) > std::fabs(extreme)) extreme = scales[part];
  }
  std::memset(block, 0, sizeof *block);
  block->d = F32ToF16(extreme / -128.0f);  // the largest becomes −128, which has no opposite
  const float d = F16ToF32(block->d), inverse = extreme != 0.0f ? -128.0f / extreme : 0.0f;
  for (int part = 0; part < 16; ++part) {
    block->scales[part] = static_cast<int8_t>(NearestWithin(inverse * scales[part], -128.0f, 127.0f));
    const float scale = d * static_cast<float>(block->scales[part]);
    const int half = part / 8, place = part % 8 * 16;
    for (int i = 0; i < 16; ++i) {
      const int code = scale != 0.0f ? NearestWithin(x[part * 16 + i] / scale, -32.0f, 31.0f) + 32 : 32;
      block->low[half * 64 + place % 64 + i] |= static_cast<uint8_t>((code & 15) << place / 64 * 4);
      block->high[half * 32 + place % 32 + i] |= static_cast<uint8_t>((code >> 4) << place / 32 * 2);
    }
  }
}

}  // namespace pith
