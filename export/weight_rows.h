// A weight of the base row by row, in the row order that the output wants, with an adapter's product added.
#pragma once

#include <string>
#include <vector>

#include "adapters/lora.h"
#include "base/model/base_model.h"

namespace pith {

// Thread-safe to read. Refers to `base` and `adapter`, which must outlive it.
class WeightRows {
 public:
  // `adapter` may be null; its pair for `name`, if it has one, is added: W + s·B·A, with DoRA each row scaled to its magnitude.
  WeightRows(const BaseModel& base, const std::string& name, RopeLayout order, const LoraAdapter* adapter);

  bool is_vector() const { return view_.rows == 1; }
  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }
  // Row `row` of the output in `type`, RowBytes(type, cols) bytes. Bytes are copied where nothing changes them; else the
  // row is dequantised, summed in double precision, rounded to float32 and converted.
  void Write(int64_t row, TensorType type, uint8_t* out) const;
  // The whole tensor in `type`, by all cores. Callers in several threads take turns at them.
  std::vector<uint8_t> ToBytes(TensorType type) const;

 private:
  TensorView view_;
  std::vector<int64_t> row_in_file_;    // by output row; empty: the same order
  std::vector<int64_t> row_in_halves_;  // by output row, for B; empty: the same order
  const LoraPair* pair_ = nullptr;
  int64_t first_row_ = 0;               // of the pair: where the weight begins in the module that the pair is for
  double scale_ = 0;
};

}  // namespace pith
