// GGUF version 2 and 3, little endian: a mapped reader and an atomic writer.
// Format: magic "GGUF", u32 version, u64 tensor count, u64 metadata count, metadata, tensor table, aligned tensor data.
// A model may be split over files NAME-00001-of-00003.gguf …, as llama.cpp's gguf-split and its converter write them.
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

// One metadata value as a program gives it to the writer.
using GgufValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                               std::vector<std::string>, std::vector<bool>>;

// One metadata value as it lies in a file, checked but not yet read: a vocabulary stays where it is until somebody asks.
struct GgufEntry {
  std::string_view key;
  uint32_t type = 0;               // as in the file (base/gguf_types.h)
  std::span<const uint8_t> bytes;  // what follows the type; of an array: u32 type of its items, u64 count, items
};

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
  // Maps the file and checks every length, count, offset and string in it before use. Any part of a split model opens all
  // parts, which lie beside it: metadata is the first part's, tensors are those of all, in the order of the parts. Throws
  // UserError naming the file and what is wrong with it, or the parts that are missing.
  explicit GgufFile(const std::string& path);
  // The same of a file that is mapped already. UserError for a part of a split model, where the others cannot be found.
  explicit GgufFile(MappedFile file);

  const std::string& path() const { return path_; }  // as it was given
  std::vector<std::string> paths() const;             // of all parts in their order
  std::vector<const MappedFile*> files() const;       // likewise
  const std::vector<GgufEntry>& entries() const { return entries_; }  // in file order
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  std::span<const uint8_t> bytes() const { return files_.front().bytes(); }  // the whole (first) file

  bool Has(std::string_view key) const { return FindEntry(key) != nullptr; }
  bool IsArray(std::string_view key) const;  // false when absent
  // The value under `key`; nothing when absent; UserError when it is of another kind. Numbers are read from every type of
  // the format that holds such a number: int64_t from any integer that fits and from a float without a fraction, double
  // from any number. An empty array is one of any kind. std::vector<std::string_view> points into the file.
  template <class T>
  std::optional<T> Find(std::string_view key) const;
  // As Find, but absence is a UserError that names the key.
  template <class T>
  T Get(std::string_view key) const;

  const GgufTensor* FindTensor(std::string_view name) const;  // nullptr when absent
  // A vector or matrix of a type pith computes with. Throws UserError when absent or of another type or rank.
  TensorView Tensor(std::string_view name) const;

 private:
  std::string path_;
  std::vector<MappedFile> files_;
  std::vector<GgufEntry> entries_;
  std::map<std::string_view, size_t> entry_index_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;

  const GgufEntry* FindEntry(std::string_view key) const;
  void AddTensors(const std::string& path, std::vector<GgufTensor> tensors);
  void OpenOtherParts();
  void IndexEntries();
};

// Collects metadata and tensors, then writes the file in one go. Keys and tensors keep the order in which they came.
// Types written: u32 for Set(int64_t) and for arrays of integers without a negative one (llama.cpp insists on u32 for
// adapter.alora.invocation_tokens), i64 where u32 does not fit; i32 for arrays with negative integers and always for
// tokenizer.ggml.token_type (llama.cpp insists again) and tokenizer.ggml.eos_token_ids (Ollama does); f32 for floats.
class GgufWriter {
 public:
  GgufWriter();
  ~GgufWriter();
  void Set(const std::string& key, const GgufValue& value);  // replaces an earlier value
  // Byte for byte as it is in the file, but for the keys that say how that file is laid out (alignment, split).
  void CopyMetadata(const GgufFile& from);
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
