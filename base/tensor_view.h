// A read-only matrix or vector of weights somewhere in memory (usually inside a mapped file).
#pragma once

#include <cstdint>
#include <vector>

#include "base/tensor_type.h"

namespace pith {

// rows × cols, row-major; a vector has rows == 1. Does not own `data`.
struct TensorView {
  TensorType type = TensorType::kF32;
  int64_t rows = 0, cols = 0;
  const uint8_t* data = nullptr;

  explicit operator bool() const { return data != nullptr; }
  size_t row_bytes() const { return RowBytes(type, cols); }
  size_t bytes() const { return row_bytes() * static_cast<size_t>(rows); }
  const uint8_t* row(int64_t r) const { return data + row_bytes() * static_cast<size_t>(r); }
  std::vector<float> ToF32() const {
    std::vector<float> out(static_cast<size_t>(rows * cols));
    Dequantise(type, data, out.data(), rows * cols);
    return out;
  }
};

}  // namespace pith
