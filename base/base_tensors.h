// Which tensors a model of the description has, under both of their names, and what others in its file mean.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/model_config.h"
#include "base/tensor_view.h"

namespace pith {

struct ExpectedTensor {
  std::string gguf, hf;
  int64_t rows, cols;  // a vector has rows == 1
};

// Every tensor of the architecture.
std::vector<ExpectedTensor> ExpectedTensors(const ModelConfig& config);
// UserError naming `path` and `name` when the tensor is not of the expected shape.
void CheckShape(const std::string& path, const std::string& name, const TensorView& view, const ExpectedTensor& expected);

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
