// GGUF version 2 and 3, little endian: a mapped reader and an atomic writer.
// Format: magic "GGUF", u32 version, u64 tensor count, u64 metadata count, metadata, tensor table, aligned tensor data.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/tensor_view.h"

namespace pith {

// One metadata value. Integers of every width are widened to int64 (uint64 above 2^63 is refused); floats to double.
// Arrays are homogeneous; an array of arrays is refused.
using GgufValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                               std::vector<std::string>, std::vector<bool>>;

struct GgufTensor {
  std::string name;
  std::vector<int64_t> shape;  // as in the file: fastest dimension first ([cols, rows] for a matrix)
  uint32_t ggml_type = 0;      // may be a type pith cannot compute with
  const uint8_t* data = nullptr;
  uint64_t bytes = 0;
};

// Thread-safe to read. Views stay valid as long as the object lives.
class GgufFile {
 public:
  // Maps the file and checks every length, count, offset and string in it before use. Throws UserError naming the file
  // and what is wrong with it.
  explicit GgufFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::map<std::string, GgufValue, std::less<>>& metadata() const { return metadata_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  std::span<const uint8_t> bytes() const { return file_.bytes(); }  // the whole file, in which every tensor's data lies

  bool Has(std::string_view key) const { return metadata_.count(key) != 0; }
  // The value under `key`; nothing when absent; UserError when it is of another kind. Find<double> accepts integers too.
  template <class T>
  std::optional<T> Find(std::string_view key) const;
  // As Find, but absence is a UserError that names the key.
  template <class T>
  T Get(std::string_view key) const;

  const GgufTensor* FindTensor(std::string_view name) const;  // nullptr when absent
  // A vector or matrix of a type pith computes with. Throws UserError when absent or of another type or rank.
  TensorView Tensor(std::string_view name) const;

 private:
  MappedFile file_;
  std::map<std::string, GgufValue, std::less<>> metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;

  friend class GgufWriter;
  struct Key {
    std::string name;
    uint32_t type = 0, element_type = 0;  // as in the file; element_type of arrays alone
  };
  std::vector<Key> keys_;  // in file order
};

// Collects metadata and tensors, then writes the file in one go. Keys and tensors keep the order in which they came.
// Types written: u32 for Set(int64_t) and for arrays of integers without a negative one (llama.cpp insists on u32 for
// adapter.alora.invocation_tokens), i64 where u32 does not fit; i32 for arrays with negative integers and always for
// tokenizer.ggml.token_type (llama.cpp insists again) and tokenizer.ggml.eos_token_ids (Ollama does); f32 for floats.
class GgufWriter {
 public:
  GgufWriter();
  ~GgufWriter();
  void Set(const std::string& key, GgufValue value);       // replaces an earlier value
  void CopyMetadata(const GgufFile& from);                 // with the types it had in the file
  // `data` of view.bytes() must stay valid until Write(). A vector (rows == 1) is written one-dimensional.
  void Add(const std::string& name, const TensorView& view);
  // As above, with the bytes owned by the writer.
  void Add(const std::string& name, TensorType type, int64_t rows, int64_t cols, std::vector<uint8_t> bytes);
  void Write(const std::string& path) const;               // atomic; alignment 32; UserError on I/O failure

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pith
