// The scalar reference of attention.h, kept for ever.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/tensor_type.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

float Load(const void* page, KvType type, int64_t index) {
  return type == KvType::kF16 ? F16ToF32(static_cast<const uint16_t*>(page)[index]) : static_cast<const float*>(page)[index];
}

float ScaleOf(const void* page, int64_t head_dim, int64_t group, int64_t token) {
  const auto* scales = reinterpret_cast<const uint16_t*>(static_cast<const uint8_t*>(page) + kKvPageTokens * head_dim);
  return F16ToF32(scales[group * kKvPageTokens + token]);
}

float Value(const void* page, KvType type, int64_t head_dim, int64_t token, int64_t i) {
  if (type != KvType::kInt8) return Load(page, type, token * head_dim + i);
  return ScaleOf(page, head_dim, i / 32, token) * static_cast<float>(static_cast<const int8_t*>(page)[token * head_dim + i]);
}

// A query as its kind of keys wants it.
struct Query {
  const float* f32;
  std::vector<int8_t> q;
  std::vector<RowGroup> groups;

  Query(const float* values, int64_t head_dim, KvType type) : f32(values) {
    if (type != KvType::kInt8) return;
    q.resize(static_cast<size_t>(head_dim));
    groups.resize(static_cast<size_t>(head_dim / 32));
    QuantiseRowRef(values, head_dim, q.data(), groups.data());
  }
};

float Score(const Query& query, const void* page, KvType type, int64_t head_dim, int64_t token) {
  float score = 0.0f;
  if (type != KvType::kInt8) {
    for (int64_t i = 0; i < head_dim; ++i) score += query.f32[i] * Load(page, type, i * kKvPageTokens + token);
    return score;
  }
  const auto* codes = static_cast<const uint8_t*>(page);
  for (int64_t g = 0; g < head_dim / 32; ++g) {
    int32_t dot = 0;
    for (int64_t i = 32 * g; i < 32 * (g + 1); ++i) {
      dot += query.q[static_cast<size_t>(i)] * (codes[(i / 4 * kKvPageTokens + token) * 4 + i % 4] - 128);
    }
    score += query.groups[static_cast<size_t>(g)].d * ScaleOf(page, head_dim, g, token) * static_cast<float>(dot);
  }
  return score;
}

}  // namespace

void ShapeScores(const AttendArgs& a, const AttendRow& row) {
  if (a.soft_cap > 0) {
    for (int64_t s = 0; s < row.length; ++s) row.scores[s] = a.soft_cap * std::tanh(row.scores[s] / a.soft_cap);
  }
  std::fill(row.scores, row.scores + row.skip, -std::numeric_limits<float>::infinity());
}

void AttendRef(const AttendArgs& a) {
  for (int64_t r = 0; r < a.count; ++r) {
    const AttendRow& row = a.rows[r];
    const void* const* const k = a.kv.k + row.begin;
    const void* const* const v = a.kv.v + row.begin;
    if (a.page_begin < a.page_end) {
      const Query query(row.q, a.key_dim, a.kv.type);
      for (int64_t s = std::max<int64_t>(0, a.page_begin - row.begin) * kKvPageTokens; s < std::min(row.length, (a.page_end - row.begin) * kKvPageTokens); ++s) {
        row.scores[s] = Score(query, k[s / kKvPageTokens], a.kv.type, a.key_dim, s % kKvPageTokens) * a.scale;
      }
    }
    if (a.weights) {
      ShapeScores(a, row);
      const float top = *std::max_element(row.scores, row.scores + row.length);
      float total = 0.0f;
      for (int64_t s = 0; s < row.length; ++s) {
        row.scores[s] = std::exp(row.scores[s] - top);
        total += row.scores[s];
      }
      a.factors[r] = 1.0f / total;
    }
    for (int64_t i = a.column_begin; i < a.column_end; ++i) {
      float sum = 0.0f;
      for (int64_t s = row.skip; s < row.length; ++s) sum += row.scores[s] * Value(v[s / kKvPageTokens], a.kv.type, a.value_dim, s % kKvPageTokens, i);
      row.out[i] = sum * a.factors[r];
    }
  }
}

}  // namespace pith
