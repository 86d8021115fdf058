#include <algorithm>
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
  GgufType type;
  std::string bytes;  // what follows the type in the file
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

template <class T>
void Append(std::string* bytes, T value) {
  bytes->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendItem(std::string* bytes, GgufType type, int64_t value) {
  if (type == GgufType::kI64) return Append(bytes, value);
  Append(bytes, static_cast<uint32_t>(value));  // of i32, too, these are the bytes
}
void AppendItem(std::string* bytes, GgufType, double value) { Append(bytes, static_cast<float>(value)); }
void AppendItem(std::string* bytes, GgufType, bool value) { Append<uint8_t>(bytes, value ? 1 : 0); }
void AppendItem(std::string* bytes, GgufType, const std::string& value) {
  Append<uint64_t>(bytes, value.size());
  *bytes += value;
}

GgufType TypeOf(const std::string&, int64_t value) {
  return value >= 0 && value <= std::numeric_limits<uint32_t>::max() ? GgufType::kU32 : GgufType::kI64;
}
GgufType TypeOf(const std::string&, bool) { return GgufType::kBool; }
GgufType TypeOf(const std::string&, double) { return GgufType::kF32; }
GgufType TypeOf(const std::string&, const std::string&) { return GgufType::kString; }
GgufType TypeOf(const std::string& key, const std::vector<int64_t>& items) { return TypeOfIntegers(key, items.data(), items.size()); }
template <class T>
GgufType TypeOf(const std::string& key, const std::vector<T>&) { return TypeOf(key, T()); }

template <class T>
Entry EntryFor(const std::string& key, const T& value) {
  Entry entry{key, TypeOf(key, value), {}};
  AppendItem(&entry.bytes, entry.type, value);
  return entry;
}
template <class T>
Entry EntryFor(const std::string& key, const std::vector<T>& items) {
  const GgufType type = TypeOf(key, items);
  Entry entry{key, GgufType::kArray, {}};
  Append(&entry.bytes, type);
  Append<uint64_t>(&entry.bytes, items.size());
  for (const T& item : items) AppendItem(&entry.bytes, type, item);
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

void GgufWriter::Set(const std::string& key, const GgufValue& value) {
  std::visit([&](const auto& v) { impl_->Put(EntryFor(key, v)); }, value);
}

void GgufWriter::CopyMetadata(const GgufFile& from) {
  for (const GgufEntry& entry : from.entries()) {
    const std::string key(entry.key);
    if (key == kGgufAlignmentKey || key == kGgufSplitNoKey || key == kGgufSplitCountKey || key == kGgufSplitTensorsKey) continue;
    impl_->Put(Entry{key, static_cast<GgufType>(entry.type), std::string(entry.bytes.begin(), entry.bytes.end())});
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
    Put(file, entry.type);
    file.Write(entry.bytes);
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
