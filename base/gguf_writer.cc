#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/gguf.h"
#include "base/gguf_types.h"

namespace pith {
namespace {

constexpr uint32_t kVersion = 3;
// What llama.cpp and Ollama insist on reading as i32.
constexpr std::string_view kSignedKeys[] = {"tokenizer.ggml.token_type", "tokenizer.ggml.eos_token_ids"};

struct Entry {
  std::string key;
  GgufValue value;
  GgufType type = GgufType::kBool;          // of the value, or of an array's items
  bool is_array = false;
};

struct PendingTensor {
  std::string name;
  TensorView view;
  std::vector<uint8_t> owned;  // backs view.data when not empty; moving a vector keeps its bytes in place
};

GgufType TypeOfIntegers(const std::string& key, const int64_t* values, size_t count) {
  bool negative = false, fits_u32 = true, fits_i32 = true;
  for (size_t i = 0; i < count; ++i) {
    negative |= values[i] < 0;
    fits_u32 &= values[i] >= 0 && values[i] <= std::numeric_limits<uint32_t>::max();
    fits_i32 &= values[i] >= std::numeric_limits<int32_t>::min() && values[i] <= std::numeric_limits<int32_t>::max();
  }
  if (fits_i32 && (negative || std::find(std::begin(kSignedKeys), std::end(kSignedKeys), key) != std::end(kSignedKeys))) return GgufType::kI32;
  return fits_u32 ? GgufType::kU32 : GgufType::kI64;
}

Entry EntryFor(const std::string& key, GgufValue value) {
  Entry entry{key, std::move(value)};
  if (const auto* integer = std::get_if<int64_t>(&entry.value)) {
    entry.type = *integer >= 0 && *integer <= std::numeric_limits<uint32_t>::max() ? GgufType::kU32 : GgufType::kI64;
  } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&entry.value)) {
    entry.type = TypeOfIntegers(key, integers->data(), integers->size());
    entry.is_array = true;
  } else if (std::holds_alternative<bool>(entry.value)) {
    entry.type = GgufType::kBool;
  } else if (std::holds_alternative<double>(entry.value)) {
    entry.type = GgufType::kF32;
  } else if (std::holds_alternative<std::string>(entry.value)) {
    entry.type = GgufType::kString;
  } else {
    entry.is_array = true;
    entry.type = std::holds_alternative<std::vector<double>>(entry.value)        ? GgufType::kF32
                 : std::holds_alternative<std::vector<std::string>>(entry.value) ? GgufType::kString
                                                                                 : GgufType::kBool;
  }
  return entry;
}

template <class T>
void Put(AtomicFile& file, T value) {
  file.Write(&value, sizeof(value));
}

void PutString(AtomicFile& file, const std::string& text) {
  Put<uint64_t>(file, text.size());
  file.Write(text);
}

void PutItem(AtomicFile& file, GgufType type, int64_t value) {
  switch (type) {
    case GgufType::kU8: case GgufType::kI8: return Put(file, static_cast<uint8_t>(value));
    case GgufType::kU16: case GgufType::kI16: return Put(file, static_cast<uint16_t>(value));
    case GgufType::kU32: case GgufType::kI32: return Put(file, static_cast<uint32_t>(value));
    default: return Put(file, value);
  }
}
void PutItem(AtomicFile& file, GgufType type, double value) {
  type == GgufType::kF32 ? Put(file, static_cast<float>(value)) : Put(file, value);
}
void PutItem(AtomicFile& file, GgufType, bool value) { Put<uint8_t>(file, value ? 1 : 0); }
void PutItem(AtomicFile& file, GgufType, const std::string& value) { PutString(file, value); }
template <class T>
void PutItem(AtomicFile& file, GgufType type, const std::vector<T>& items) {
  Put<uint64_t>(file, items.size());
  for (const T item : items) PutItem(file, type, item);
}
void PutItem(AtomicFile& file, GgufType type, const std::vector<std::string>& items) {
  Put<uint64_t>(file, items.size());
  for (const std::string& item : items) PutItem(file, type, item);
}

uint64_t Aligned(uint64_t offset) {
  return (offset + kGgufDefaultAlignment - 1) / kGgufDefaultAlignment * kGgufDefaultAlignment;
}

void PadTo(AtomicFile& file, uint64_t offset) {
  static const char kZeros[kGgufDefaultAlignment] = {};
  file.Write(kZeros, offset - file.offset_bytes());
}

}  // namespace

struct GgufWriter::Impl {
  std::vector<Entry> entries;
  std::vector<PendingTensor> tensors;
  std::map<std::string, size_t> entry_index, tensor_index;

  void Put(Entry entry) {
    PITH_CHECK(entry.key != kGgufAlignmentKey, "the writer's alignment is fixed");
    const auto [place, is_new] = entry_index.emplace(entry.key, entries.size());
    if (is_new) {
      entries.push_back(std::move(entry));
    } else {
      entries[place->second] = std::move(entry);
    }
  }

  void Put(PendingTensor tensor) {
    PITH_CHECK(tensor.view.data != nullptr && tensor.view.rows > 0 && tensor.view.cols > 0, tensor.name);
    PITH_CHECK(tensor_index.emplace(tensor.name, tensors.size()).second, "tensor added twice: ", tensor.name);
    tensors.push_back(std::move(tensor));
  }
};

GgufWriter::GgufWriter() : impl_(std::make_unique<Impl>()) {}
GgufWriter::~GgufWriter() = default;

void GgufWriter::Set(const std::string& key, GgufValue value) { impl_->Put(EntryFor(key, std::move(value))); }

void GgufWriter::CopyMetadata(const GgufFile& from) {
  for (const GgufFile::Key& key : from.keys_) {
    if (key.name == kGgufAlignmentKey) continue;
    const bool is_array = key.type == static_cast<uint32_t>(GgufType::kArray);
    impl_->Put(Entry{key.name, from.metadata_.find(key.name)->second,
                     static_cast<GgufType>(is_array ? key.element_type : key.type), is_array});
  }
}

void GgufWriter::Add(const std::string& name, const TensorView& view) { impl_->Put(PendingTensor{name, view, {}}); }

void GgufWriter::Add(const std::string& name, TensorType type, int64_t rows, int64_t cols, std::vector<uint8_t> bytes) {
  PendingTensor tensor{name, {type, rows, cols, bytes.data()}, {}};
  PITH_CHECK_EQ(tensor.view.bytes(), bytes.size());
  tensor.owned = std::move(bytes);
  impl_->Put(std::move(tensor));
}

void GgufWriter::Write(const std::string& path) const {
  AtomicFile file(path);
  file.Write("GGUF");
  Put(file, kVersion);
  Put<uint64_t>(file, impl_->tensors.size());
  Put<uint64_t>(file, impl_->entries.size());
  for (const Entry& entry : impl_->entries) {
    PutString(file, entry.key);
    if (entry.is_array) Put(file, GgufType::kArray);
    Put(file, entry.type);
    std::visit([&](const auto& value) { PutItem(file, entry.type, value); }, entry.value);
  }
  uint64_t offset = 0;
  for (const PendingTensor& tensor : impl_->tensors) {
    PutString(file, tensor.name);
    const bool is_vector = tensor.view.rows == 1;
    Put<uint32_t>(file, is_vector ? 1 : 2);
    Put<int64_t>(file, tensor.view.cols);
    if (!is_vector) Put<int64_t>(file, tensor.view.rows);
    Put(file, tensor.view.type);
    Put(file, offset);
    offset = Aligned(offset + tensor.view.bytes());
  }
  for (const PendingTensor& tensor : impl_->tensors) {
    PadTo(file, Aligned(file.offset_bytes()));
    file.Write(tensor.view.data, tensor.view.bytes());
  }
  PadTo(file, Aligned(file.offset_bytes()));
  file.Commit();
}

}  // namespace pith
