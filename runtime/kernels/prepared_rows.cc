#include "runtime/kernels/prepared_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace pith {

void QuantiseRowRef(const float* x, int64_t padded, int8_t* q, float* d, float* d_sum, int32_t* sum) {
  for (int64_t b = 0; b < padded / kBlockSize; ++b) {
    const float* values = x + b * kBlockSize;
    uint32_t max_bits = 0;  // |x| as an integer: ordered as the floats are, with NaN above all, so that it is not lost
    for (int i = 0; i < kBlockSize; ++i) max_bits = std::max(max_bits, std::bit_cast<uint32_t>(std::fabs(values[i])));
    if (OutOfRange(max_bits, q + b * kBlockSize, d + b, d_sum + b, sum + b)) continue;
    const float max_abs = std::bit_cast<float>(max_bits), inverse = 127.0f / max_abs;
    int32_t total = 0;
    for (int i = 0; i < kBlockSize; ++i) {
      const auto code = static_cast<int8_t>(std::nearbyint(values[i] * inverse));  // |code| ≤ 127: x · (127 / x) rounds to 127
      q[b * kBlockSize + i] = code;
      total += code;
    }
    d[b] = max_abs / 127.0f;
    sum[b] = total;
    d_sum[b] = d[b] * static_cast<float>(total);
  }
}

namespace {

using QuantiseRow = void (*)(const float*, int64_t, int8_t*, float*, float*, int32_t*);

QuantiseRow QuantiseRowFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2: return QuantiseRowAvx2;
    case Isa::kAvx512: return QuantiseRowAvx512;
#elif defined(__aarch64__)
    case Isa::kNeon:
    case Isa::kDotProd:
    case Isa::kI8mm: return QuantiseRowNeon;
#endif
    default: return QuantiseRowRef;
  }
}

void RoundRow(Isa isa, float* row, int64_t padded) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx2) {
    RoundRowToBf16Avx2(row, padded, row);
    return;
  }
#elif defined(__aarch64__)
  if (isa != Isa::kScalar) {
    RoundRowToBf16Neon(row, padded, row);
    return;
  }
#endif
  for (int64_t i = 0; i < padded; ++i) row[i] = BF16ToF32(F32ToBF16(row[i]));
}

constexpr int64_t kManyValues = 16384;  // fewer are prepared sooner than another thread is woken

struct RowBuffers {
  float* f32 = nullptr;
  uint16_t* bf16 = nullptr;
  int8_t* q = nullptr;
  float *d = nullptr, *d_sum = nullptr;
  int32_t* sum = nullptr;
};

// A row of `padded` floats: x itself where nothing needs padding, else a copy in `spare`.
const float* Padded(const float* x, int64_t k, int64_t padded, float* spare) {
  if (k == padded) return x;
  std::memcpy(spare, x, static_cast<size_t>(k) * sizeof(float));
  std::fill(spare + k, spare + padded, 0.0f);
  return spare;
}

bool HasBf16Unit(ActivationType type, Isa isa) { return isa == Isa::kAvx512 && type != ActivationType::kF32; }

RowBuffers Room(PreparedRows::Impl& p, int64_t m, int64_t k, ActivationType type, Isa isa) {
  const int64_t blocks = (k + kBlockSize - 1) / kBlockSize, padded = blocks * kBlockSize;
  RowBuffers out;
  if (type == ActivationType::kF32 && k == padded) return out;
  const bool bf16_unit = HasBf16Unit(type, isa);
  if (!bf16_unit || k != padded) out.f32 = p.f32.ReserveOf<float>(m * padded);
  if (bf16_unit) out.bf16 = p.bf16.ReserveOf<uint16_t>(m * padded);
  if (type == ActivationType::kInt8) {
    out.q = p.q.ReserveOf<int8_t>(m * padded);
    out.d = p.d.ReserveOf<float>(m * blocks);
    out.d_sum = p.d_sum.ReserveOf<float>(m * blocks);
    out.sum = p.sum.ReserveOf<int32_t>(m * blocks);
  }
  return out;
}

}  // namespace

PreparedRows::PreparedRows() : impl_(std::make_unique<Impl>()) {}
PreparedRows::~PreparedRows() = default;

void PreparedRows::Reserve(int64_t m, int64_t k, ActivationType type, Isa isa) { Room(*impl_, m, k, type, isa); }

void PreparedRows::Prepare(const float* x, int64_t m, int64_t k, int64_t stride, ActivationType type, Isa isa, ThreadPool* pool) {
  PITH_CHECK(m >= 0 && k > 0 && stride >= k, m, " rows of ", k, ", stride ", stride);
  Impl& p = *impl_;
  p.type = type;
  p.isa = isa;
  const int64_t blocks = (k + kBlockSize - 1) / kBlockSize, padded = blocks * kBlockSize;
  p.view = RowsView{.m = m, .k = k, .padded = padded, .blocks = blocks};
  const bool bf16_unit = HasBf16Unit(type, isa);
  if (type == ActivationType::kF32 && k == padded) {
    p.view.f32 = x;
    p.view.f32_stride = stride;
    return;
  }
  const RowBuffers out = Room(p, m, k, type, isa);
  const QuantiseRow quantise = QuantiseRowFor(isa);
  const auto rows = [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = Padded(x + r * stride, k, padded, out.f32 ? out.f32 + r * padded : nullptr);
      if (type == ActivationType::kInt8) {
        quantise(row, padded, out.q + r * padded, out.d + r * blocks, out.d_sum + r * blocks, out.sum + r * blocks);
      }
      if (bf16_unit) {
#if defined(__x86_64__)
        RoundRowToBf16Avx512(row, padded, out.bf16 + r * padded);
#endif
        continue;
      }
      float* copy = out.f32 + r * padded;
      if (row != copy) std::memcpy(copy, row, static_cast<size_t>(padded) * sizeof(float));
      if (type != ActivationType::kF32) RoundRow(isa, copy, padded);
    }
  };
  if (pool != nullptr && m * k >= kManyValues) {
    pool->ParallelFor(m, 4, std::cref(rows));
  } else {
    rows(0, m, 0);
  }
  if (!bf16_unit) {
    p.view.f32 = out.f32;
    p.view.f32_stride = padded;
  }
  p.view.bf16 = out.bf16;
  p.view.q = out.q;
  p.view.d = out.d;
  p.view.d_sum = out.d_sum;
  p.view.sum = out.sum;
}

}  // namespace pith
