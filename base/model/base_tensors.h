// Which tensors a model of the description has, where they lie in its files, and what others there mean.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/model/model_config.h"
#include "base/tensor_view.h"

namespace pith {

// Some rows of a tensor of a file: all of them, unless the file keeps several of the model's tensors in one.
struct TensorPlace {
  std::string name;
  int64_t first_row = 0;
  int64_t rows = 0;  // of the file's tensor
};

struct ExpectedTensor {
  std::string name;  // pith's (base/model/base_model.h)
  TensorPlace gguf, hf;
  int64_t rows, cols;  // a vector has rows == 1
  bool is_norm = false;
};

// Every tensor of the architecture. Those that share one of a file follow each other, in the order of their rows.
std::vector<ExpectedTensor> ExpectedTensors(const ModelConfig& config);
// The expected rows of `view`, the tensor of a file at `path` that `place` names. UserError when it is not of the expected shape.
TensorView TakeRows(const std::string& path, const TensorPlace& place, const TensorView& view, const ExpectedTensor& expected);

// Tensors of a file that are not among the expected ones: those that are no part of the model (a head for another task, layers
// beyond its depth) are counted, and warned of; those that would change what it computes if they were read are refused.
class UnreadTensors {
 public:
  explicit UnreadTensors(const ModelConfig& config) : config_(config) {}
  // By its GGUF or its Hugging Face name ("model.layers.0…"). UserError naming `file` for one that cannot be left out.
  void Add(const std::string& file, const std::string& name, bool is_float);
  // One warning, when any were added.
  void Warn(const std::string& path) const;

 private:
  const ModelConfig& config_;
  std::vector<std::string> names_;
  bool ChangesOutput(std::string_view name, bool is_float) const;
};

}  // namespace pith
