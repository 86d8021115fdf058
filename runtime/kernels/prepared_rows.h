// What PreparedRows keeps.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "runtime/kernels/linear.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {

// Grows, never shrinks; contents are lost when it grows. 64-byte aligned.
class GrowingBuffer {
 public:
  void* Reserve(size_t bytes) {
    if (bytes > capacity_) {
      capacity_ = (bytes + bytes / 4 + 63) / 64 * 64;
      data_.reset();
      data_.reset(std::aligned_alloc(64, capacity_));
      if (!data_) throw std::bad_alloc();
    }
    return data_.get();
  }
  template <class T>
  T* ReserveOf(int64_t count) {
    return static_cast<T*>(Reserve(static_cast<size_t>(count) * sizeof(T)));
  }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> data_;
  size_t capacity_ = 0;
};

struct PreparedRows::Impl {
  ActivationType type = ActivationType::kF32;
  Isa isa = Isa::kScalar;
  RowsView view;
  GrowingBuffer f32, bf16, q, d, d_sum, sum;
};

}  // namespace pith
