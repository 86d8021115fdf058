// safetensors: u64 header length, JSON header, tensor bytes. Reader (mapped) and writer (atomic).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/tensor_view.h"

namespace pith {

struct SafeTensor {
  std::vector<int64_t> shape;  // slowest dimension first, as in PyTorch
  TensorType type = TensorType::kF32;
  const uint8_t* data = nullptr;
  uint64_t bytes = 0;
};

class SafetensorsFile {
 public:
  // Throws UserError on a malformed header, overlapping or out-of-range offsets, shape × type that does not match the
  // byte range, or a tensor type that the format does not have. F64, which pith does not compute with, is read as F32.
  explicit SafetensorsFile(const std::string& path);
  const std::string& path() const { return file_.path(); }
  // Those of types F64 (as F32), F32, F16 and BF16.
  const std::map<std::string, SafeTensor, std::less<>>& tensors() const { return tensors_; }
  // Those of types pith does not compute with ("I64"), and which.
  const std::map<std::string, std::string, std::less<>>& foreign() const { return foreign_; }
  // UserError naming a foreign tensor, where there is one.
  void RefuseForeign() const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const MappedFile& file() const { return file_; }
  std::span<const uint8_t> bytes() const { return file_.bytes(); }  // the whole file, in which the data of every tensor lies but those read from F64
  const SafeTensor* Find(std::string_view name) const;

 private:
  MappedFile file_;
  std::vector<std::vector<float>> narrowed_;  // backs the tensors of type F64
  std::map<std::string, SafeTensor, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> foreign_;
  std::map<std::string, std::string> metadata_;
  void Narrow(SafeTensor* tensor);
};

struct SafeTensorToWrite {
  std::string name;
  std::vector<int64_t> shape;
  TensorType type;
  const void* data;
};
void WriteSafetensors(const std::string& path, const std::vector<SafeTensorToWrite>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace pith
