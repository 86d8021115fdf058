// What PreparedRows keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "runtime/kernels/linear.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {

// Grows, never shrinks; contents are lost when it grows. 64-byte aligned.
class GrowingBuffer {
 public:
  void* Reserve(size_t bytes) {
    if (bytes > capacity_) {
      const size_t grown = (bytes + bytes / 4 + 63) / 64 * 64;
      data_.reset();
      capacity_ = 0;
      data_.reset(::operator new(grown, kAlignment));
      capacity_ = grown;
    }
    return data_.get();
  }
  template <class T>
  T* ReserveOf(int64_t count) {
    return static_cast<T*>(Reserve(static_cast<size_t>(count) * sizeof(T)));
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(void* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<void, Free> data_;
  size_t capacity_ = 0;
};

// What kernels read of a row.
struct RowForms {
  bool codes = false;   // kInt8's q and groups
  bool floats = false;  // f32 or bf16
};
RowForms FormsFor(ActivationType type, TensorType weights);

struct PreparedRows::Impl {
  ActivationType type = ActivationType::kF32;
  Isa isa = Isa::kScalar;
  RowsView view;
  const float* x = nullptr;  // as Prepare() was given it
  int64_t stride = 0;
  RowForms have;
  GrowingBuffer spare, f32, bf16, pairs, q, groups;

  // Makes what is missing; not while others read it.
  void Ensure(const RowForms& forms, ThreadPool* pool);
  // Room for it, for so many rows.
  void Reserve(const RowForms& forms, int64_t m, int64_t k, ActivationType type, Isa isa);
};

}  // namespace pith
