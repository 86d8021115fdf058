#include "export/weight_rows.h"

#include <cmath>
#include <cstring>
#include <mutex>
#include <numeric>

#include "adapters/lora_names.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace pith {
namespace {

bool IsRotated(const std::string& name) {
  return name.find(".attn_q.") != std::string::npos || name.find(".attn_k.") != std::string::npos;
}

// result[row in `to` order] = row in `from` order; empty when they agree.
std::vector<int64_t> RowMap(int64_t rows, int64_t head_dim, RopeLayout from, RopeLayout to) {
  if (from == to) return {};
  std::vector<int64_t> in(static_cast<size_t>(rows)), out(in.size());
  std::iota(in.begin(), in.end(), 0);
  const auto permute = to == RopeLayout::kInterleaved ? HalvesToInterleaved : InterleavedToHalves;
  permute(in.data(), out.data(), rows, sizeof(int64_t), head_dim);
  return out;
}

int64_t Mapped(const std::vector<int64_t>& map, int64_t row) { return map.empty() ? row : map[static_cast<size_t>(row)]; }

}  // namespace

WeightRows::WeightRows(const BaseModel& base, const std::string& name, RopeLayout order, const LoraAdapter* adapter)
    : view_(base.Tensor(name)) {
  const ModelConfig& config = base.config();
  if (IsRotated(name) && config.rope != order) {
    PITH_CHECK(!is_vector(), name, ": no architecture reorders biases");
    row_in_file_ = RowMap(view_.rows, config.head_dim, config.rope, order);
  }
  if (adapter == nullptr) return;
  const auto place = ParseWeightName(name);
  if (!place) return;
  const ModulePlace module = ModuleOf(config, place->kind);
  const auto found = adapter->pairs.find(WeightName({place->layer, module.module}));
  if (found == adapter->pairs.end()) return;
  pair_ = &found->second;
  first_row_ = module.first_row;
  scale_ = adapter->scale(*pair_);
  PITH_CHECK(pair_->out >= first_row_ + view_.rows && pair_->in == view_.cols, name);
  if (IsRotated(name)) row_in_halves_ = RowMap(view_.rows, config.head_dim, RopeLayout::kHalves, order);
}

void WeightRows::Write(int64_t row, TensorType type, uint8_t* out) const {
  const uint8_t* bytes = view_.row(Mapped(row_in_file_, row));
  if (pair_ == nullptr && view_.type == type) {
    std::memcpy(out, bytes, view_.row_bytes());
    return;
  }
  const auto cols = static_cast<size_t>(view_.cols);
  std::vector<float> values(cols);
  Dequantise(view_.type, bytes, values.data(), view_.cols);
  if (pair_ != nullptr) {
    std::vector<double> sum(values.begin(), values.end());
    const int64_t pair_row = first_row_ + Mapped(row_in_halves_, row);
    const float* b = &pair_->b[static_cast<size_t>(pair_row * pair_->rank)];
    for (int64_t r = 0; r < pair_->rank; ++r) {
      const double factor = scale_ * b[r];
      const float* a = &pair_->a[static_cast<size_t>(r) * cols];
      for (size_t c = 0; c < cols; ++c) sum[c] += factor * a[c];
    }
    double gain = 1;
    if (!pair_->magnitude.empty()) {
      double squares = 0;
      for (const double x : sum) squares += x * x;
      // A row of zeros stays one whatever its magnitude says.
      if (squares > 0) gain = pair_->magnitude[static_cast<size_t>(pair_row)] / std::sqrt(squares);
    }
    for (size_t c = 0; c < cols; ++c) values[c] = static_cast<float>(gain * sum[c]);
  }
  Quantise(type, values.data(), out, view_.cols);
}

std::vector<uint8_t> WeightRows::ToBytes(TensorType type) const {
  const size_t row_bytes = RowBytes(type, cols());
  std::vector<uint8_t> bytes(row_bytes * static_cast<size_t>(rows()));
  static std::mutex mutex;  // the pool takes one caller at a time
  const std::lock_guard lock(mutex);
  static ThreadPool pool(0);
  pool.ParallelFor(rows(), 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) Write(row, type, bytes.data() + static_cast<size_t>(row) * row_bytes);
  });
  return bytes;
}

}  // namespace pith
