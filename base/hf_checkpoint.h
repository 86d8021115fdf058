// The tensors of a Hugging Face folder: those of model.safetensors, or of the shards that model.safetensors.index.json names.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/safetensors.h"

namespace pith {

class HfCheckpoint {
 public:
  struct Place {
    const SafeTensor* tensor = nullptr;  // nullptr: its type is one that pith does not compute with
    std::string dtype;                   // then: which
    const std::string* file = nullptr;
  };

  // UserError when there are no weights, or a shard is missing, damaged or at odds with another.
  explicit HfCheckpoint(const std::string& folder);

  std::vector<std::string> paths() const;         // of the shards, in a fixed order
  std::vector<const MappedFile*> files() const;  // likewise
  // By the names of a causal model ("model.layers.0.…", "lm_head.weight"), also where the file is of the bare decoder, whose names
  // lack "model.".
  const std::map<std::string, Place, std::less<>>& places() const { return places_; }
  const Place* Find(std::string_view name) const;  // nullptr when absent
  // A matrix or a vector (rows == 1), as `is_vector` says. UserError naming the file when absent, or of another type or rank.
  TensorView Tensor(std::string_view name, bool is_vector) const;

 private:
  std::string folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> shards_;
  std::map<std::string, Place, std::less<>> places_;
};

// Whether both hold the same values in the same form.
bool SameTensor(const HfCheckpoint::Place& a, const HfCheckpoint::Place& b);

}  // namespace pith
