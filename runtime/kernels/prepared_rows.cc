#include "runtime/kernels/prepared_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace pith {

void QuantiseRowRef(const float* x, int64_t padded, int8_t* q, RowGroup* groups) {
  for (int64_t b = 0; b < padded / kBlockSize; ++b) {
    const float* values = x + b * kBlockSize;
    uint32_t max_bits = 0;  // |x| as an integer: ordered as the floats are, with NaN above all, so that it is not lost
    for (int i = 0; i < kBlockSize; ++i) max_bits = std::max(max_bits, std::bit_cast<uint32_t>(std::fabs(values[i])));
    if (OutOfRange(max_bits, q + b * kBlockSize, groups + b)) continue;
    const float max_abs = std::bit_cast<float>(max_bits), inverse = 127.0f / max_abs;
    int32_t sum[2] = {};
    for (int i = 0; i < kBlockSize; ++i) {
      const auto code = static_cast<int8_t>(std::nearbyint(values[i] * inverse));  // |code| ≤ 127: x · (127 / x) rounds to 127
      q[b * kBlockSize + i] = code;
      sum[i / 16] += code;
    }
    const float d = max_abs / 127.0f;
    groups[b] = GroupOfSums(d, sum[0], sum[1]);
  }
}

namespace {

using QuantiseRow = void (*)(const float*, int64_t, int8_t*, RowGroup*);

QuantiseRow QuantiseRowFor(Isa isa) {
  switch (FloatIsa(isa)) {
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
  if (FloatIsa(isa) == Isa::kAvx2) {
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

int64_t Blocks(int64_t k) { return (k + kBlockSize - 1) / kBlockSize; }

// A row of `padded` floats: x itself where nothing needs padding, else a copy in `spare`.
const float* Padded(const float* x, int64_t k, int64_t padded, float* spare) {
  if (k == padded) return x;
  std::memcpy(spare, x, static_cast<size_t>(k) * sizeof(float));
  std::fill(spare + k, spare + padded, 0.0f);
  return spare;
}

bool HasBf16Unit(ActivationType type, Isa isa) { return FloatIsa(isa) == Isa::kAvx512 && type != ActivationType::kF32; }

int64_t PairCount(int64_t m, int64_t padded) { return (m + kPairRows - 1) / kPairRows * kPairRows * (padded / 2); }

// body(begin, end, thread) over `count` parts of the rows, by many threads where there are many values.
template <class Body>
void Share(const RowsView& view, ThreadPool* pool, int64_t count, int64_t grain, const Body& body) {
  if (pool != nullptr && view.m * view.k >= kManyValues) {
    pool->ParallelFor(count, grain, std::cref(body));
  } else {
    body(0, count, 0);
  }
}
template <class Rows>
void OverRows(const RowsView& view, ThreadPool* pool, const Rows& rows) {
  Share(view, pool, view.m, 4, rows);
}

void MakeCodes(PreparedRows::Impl& p, ThreadPool* pool) {
  RowsView& view = p.view;
  auto* q = p.q.ReserveOf<int8_t>(view.m * view.padded);
  auto* groups = p.groups.ReserveOf<RowGroup>((view.m + kSpareRows) * view.blocks);
  std::fill_n(groups + view.m * view.blocks, kSpareRows * view.blocks, RowGroup{});
  float* spare = view.k == view.padded ? nullptr : p.spare.ReserveOf<float>(view.m * view.padded);
  const QuantiseRow quantise = QuantiseRowFor(p.isa);
  OverRows(view, pool, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = Padded(p.x + r * p.stride, view.k, view.padded, spare + r * view.padded);
      quantise(row, view.padded, q + r * view.padded, groups + r * view.blocks);
    }
  });
  view.q = q;
  view.groups = groups;
}

void MakePairs([[maybe_unused]] PreparedRows::Impl& p, [[maybe_unused]] ThreadPool* pool) {
#if defined(__x86_64__)
  RowsView& view = p.view;
  auto* pairs = p.pairs.ReserveOf<uint32_t>(PairCount(view.m, view.padded));
  const auto pack = [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin * kPairRows; row < std::min(end * kPairRows, view.m); row += kPairRows) {
      PackPairsAmx(view.bf16 + row * view.padded, std::min(kPairRows, view.m - row), view.padded, pairs + row * (view.padded / 2));
    }
  };
  Share(view, pool, (view.m + kPairRows - 1) / kPairRows, 1, pack);
  view.bf16_pairs = pairs;
#endif
}

void MakeFloats(PreparedRows::Impl& p, ThreadPool* pool) {
  RowsView& view = p.view;
  if (p.type == ActivationType::kF32 && view.k == view.padded) {
    view.f32 = p.x;
    view.f32_stride = p.stride;
    return;
  }
  const bool bf16_unit = HasBf16Unit(p.type, p.isa);
  float* f32 = bf16_unit && view.k == view.padded ? nullptr : p.f32.ReserveOf<float>(view.m * view.padded);
  uint16_t* bf16 = bf16_unit ? p.bf16.ReserveOf<uint16_t>(view.m * view.padded) : nullptr;
  OverRows(view, pool, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      float* copy = f32 == nullptr ? nullptr : f32 + r * view.padded;
      const float* row = Padded(p.x + r * p.stride, view.k, view.padded, copy);
      if (bf16_unit) {
#if defined(__x86_64__)
        RoundRowToBf16Avx512(row, view.padded, bf16 + r * view.padded);
#endif
        continue;
      }
      if (row != copy) std::memcpy(copy, row, static_cast<size_t>(view.padded) * sizeof(float));
      if (p.type != ActivationType::kF32) RoundRow(p.isa, copy, view.padded);
    }
  });
  view.bf16 = bf16;
  if (bf16_unit && p.isa == Isa::kAmx) MakePairs(p, pool);
  if (bf16_unit) return;
  view.f32 = f32;
  view.f32_stride = view.padded;
}

}  // namespace

RowForms FormsFor(ActivationType type, TensorType weights) {
  if (type != ActivationType::kInt8 || !HasInt8Kernel(weights)) return {.floats = true};
  return {.codes = true};
}

void PreparedRows::Impl::Ensure(const RowForms& forms, ThreadPool* pool) {
  if (forms.codes && !have.codes) MakeCodes(*this, pool), have.codes = true;
  if (forms.floats && !have.floats) MakeFloats(*this, pool), have.floats = true;
}

void PreparedRows::Impl::Reserve(const RowForms& forms, int64_t m, int64_t k, ActivationType rows_type, Isa rows_isa) {
  const int64_t blocks = Blocks(k), padded = blocks * kBlockSize;
  const bool bf16_unit = HasBf16Unit(rows_type, rows_isa);
  if (forms.codes) {
    q.ReserveOf<int8_t>(m * padded);
    groups.ReserveOf<RowGroup>((m + kSpareRows) * blocks);
    if (k != padded) spare.ReserveOf<float>(m * padded);
  }
  if (forms.floats && bf16_unit) bf16.ReserveOf<uint16_t>(m * padded);
  if (forms.floats && bf16_unit && rows_isa == Isa::kAmx) pairs.ReserveOf<uint32_t>(PairCount(m, padded));
  if (forms.floats && (!bf16_unit || k != padded)) f32.ReserveOf<float>(m * padded);
}

PreparedRows::PreparedRows() : impl_(std::make_unique<Impl>()) {}
PreparedRows::~PreparedRows() = default;

void PreparedRows::Prepare(const float* x, int64_t m, int64_t k, int64_t stride, ActivationType type, Isa isa, ThreadPool* pool) {
  PITH_CHECK(m >= 0 && k > 0 && stride >= k, m, " rows of ", k, ", stride ", stride);
  Impl& p = *impl_;
  p.type = type;
  p.isa = isa;
  p.x = x;
  p.stride = stride;
  p.view = RowsView{.m = m, .k = k, .padded = Blocks(k) * kBlockSize, .blocks = Blocks(k)};
  p.have = {};
  p.Ensure({.codes = type == ActivationType::kInt8, .floats = type != ActivationType::kInt8}, pool);
}

}  // namespace pith
