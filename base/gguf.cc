#include "base/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/gguf_types.h"

namespace pith {
namespace {

constexpr uint32_t kMaxDimensions = 4;
constexpr uint64_t kMaxValues = uint64_t{1} << 48;  // per tensor; keeps every later product of sizes inside 64 bits
constexpr uint64_t kMinKeyBytes = 8 + 4 + 1;        // empty name, type, smallest value
constexpr uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;

// Bytes of one metadata value of a fixed-size type; 0 for strings, arrays and unknown types.
uint64_t FixedSize(GgufType type) {
  switch (type) {
    case GgufType::kU8: case GgufType::kI8: case GgufType::kBool: return 1;
    case GgufType::kU16: case GgufType::kI16: return 2;
    case GgufType::kU32: case GgufType::kI32: case GgufType::kF32: return 4;
    case GgufType::kU64: case GgufType::kI64: case GgufType::kF64: return 8;
    default: return 0;
  }
}

// Reads little-endian values one after another and never past the end.
class Cursor {
 public:
  Cursor(std::span<const uint8_t> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("'", path_, "' is not a valid GGUF file: ", args..., " (at byte ", offset_,
              "); fetch or export it again");
  }

  template <class T>
  T Read(const char* what) {
    if (remaining() < sizeof(T)) Fail("the file ends inside ", what);
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  std::string String(const char* what) {
    const uint64_t size = Read<uint64_t>(what);
    if (size > remaining()) Fail(what, " claims ", size, " bytes where ", remaining(), " are left");
    std::string text(reinterpret_cast<const char*>(bytes_.data() + offset_), size);
    offset_ += size;
    return text;
  }

  void CheckCount(uint64_t count, uint64_t bytes_each, const char* what) const {
    if (count > remaining() / bytes_each) Fail(count, " ", what, " claimed where ", remaining(), " bytes are left");
  }

 private:
  std::span<const uint8_t> bytes_;
  const std::string& path_;
  uint64_t offset_ = 0;
};

int64_t ReadInteger(Cursor& cursor, GgufType type, const std::string& key) {
  switch (type) {
    case GgufType::kU8: return cursor.Read<uint8_t>("a value");
    case GgufType::kI8: return cursor.Read<int8_t>("a value");
    case GgufType::kU16: return cursor.Read<uint16_t>("a value");
    case GgufType::kI16: return cursor.Read<int16_t>("a value");
    case GgufType::kU32: return cursor.Read<uint32_t>("a value");
    case GgufType::kI32: return cursor.Read<int32_t>("a value");
    case GgufType::kI64: return cursor.Read<int64_t>("a value");
    default: {
      const uint64_t value = cursor.Read<uint64_t>("a value");
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        cursor.Fail("key '", key, "' holds ", value, ", more than a signed 64-bit integer can");
      }
      return static_cast<int64_t>(value);
    }
  }
}

double ReadFloat(Cursor& cursor, GgufType type) {
  return type == GgufType::kF32 ? cursor.Read<float>("a value") : cursor.Read<double>("a value");
}

bool ReadBool(Cursor& cursor, const std::string& key) {
  const uint8_t value = cursor.Read<uint8_t>("a value");
  if (value > 1) cursor.Fail("key '", key, "' is a boolean with value ", int{value});
  return value == 1;
}

GgufValue ReadScalar(Cursor& cursor, GgufType type, const std::string& key) {
  switch (type) {
    case GgufType::kBool: return ReadBool(cursor, key);
    case GgufType::kString: return cursor.String("a string");
    case GgufType::kF32: case GgufType::kF64: return ReadFloat(cursor, type);
    default:
      if (FixedSize(type) == 0) cursor.Fail("key '", key, "' has unknown type ", static_cast<uint32_t>(type));
      return ReadInteger(cursor, type, key);
  }
}

template <class T, class ReadOne>
std::vector<T> ReadItems(uint64_t count, const ReadOne& read_one) {
  std::vector<T> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) items.push_back(read_one());
  return items;
}

GgufValue ReadArray(Cursor& cursor, GgufType type, const std::string& key) {
  const uint64_t count = cursor.Read<uint64_t>("an array's length");
  if (type == GgufType::kString) {
    cursor.CheckCount(count, sizeof(uint64_t), "strings");
    return ReadItems<std::string>(count, [&] { return cursor.String("a string"); });
  }
  const uint64_t bytes_each = FixedSize(type);
  if (bytes_each == 0) cursor.Fail("key '", key, "' is an array of type ", static_cast<uint32_t>(type));
  cursor.CheckCount(count, bytes_each, "values of an array");
  if (type == GgufType::kBool) return ReadItems<bool>(count, [&] { return ReadBool(cursor, key); });
  if (type == GgufType::kF32 || type == GgufType::kF64) {
    return ReadItems<double>(count, [&] { return ReadFloat(cursor, type); });
  }
  return ReadItems<int64_t>(count, [&] { return ReadInteger(cursor, type, key); });
}

// Returns the offset within the tensor data, which is only known once all headers are read.
uint64_t ReadTensorHeader(Cursor& cursor, GgufTensor* tensor) {
  tensor->name = cursor.String("a tensor's name");
  const uint32_t dimensions = cursor.Read<uint32_t>("a tensor's header");
  if (dimensions == 0 || dimensions > kMaxDimensions) {
    cursor.Fail("tensor '", tensor->name, "' has ", dimensions, " dimensions, expected 1 to ", kMaxDimensions);
  }
  uint64_t values = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const uint64_t size = cursor.Read<uint64_t>("a tensor's shape");
    if (size == 0 || size > kMaxValues / values) {
      cursor.Fail("tensor '", tensor->name, "' has the impossible size ", size, " in dimension ", i);
    }
    values *= size;
    tensor->shape.push_back(static_cast<int64_t>(size));
  }
  tensor->ggml_type = cursor.Read<uint32_t>("a tensor's type");
  const GgmlTypeSize layout = GgmlSizeOf(tensor->ggml_type);
  if (layout.values != 0) {
    if (tensor->shape[0] % layout.values != 0) {
      cursor.Fail("tensor '", tensor->name, "' has rows of ", tensor->shape[0],
                  " values, not a multiple of its type's ", layout.values);
    }
    tensor->bytes = values / layout.values * layout.bytes;
  }
  return cursor.Read<uint64_t>("a tensor's offset");
}

// Points every tensor at its bytes; refuses ones outside the data, misaligned, or sharing bytes with another.
void PlaceTensors(const Cursor& cursor, std::span<const uint8_t> data, uint64_t alignment,
                  const std::vector<uint64_t>& offsets, std::vector<GgufTensor>* tensors) {
  std::vector<size_t> order(offsets.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return offsets[a] < offsets[b]; });
  for (size_t i = 0; i < order.size(); ++i) {
    GgufTensor& tensor = (*tensors)[order[i]];
    const uint64_t begin = offsets[order[i]];
    const uint64_t limit = i + 1 < order.size() ? std::min<uint64_t>(offsets[order[i + 1]], data.size()) : data.size();
    if (begin % alignment != 0) {
      cursor.Fail("tensor '", tensor.name, "' lies at ", begin, ", not aligned to ", alignment);
    }
    if (begin > data.size()) cursor.Fail("tensor '", tensor.name, "' lies beyond the end of the file");
    if (GgmlSizeOf(tensor.ggml_type).values == 0) tensor.bytes = limit - begin;
    if (tensor.bytes > data.size() - begin) {
      cursor.Fail("tensor '", tensor.name, "' needs ", tensor.bytes, " bytes where the file has ", data.size() - begin);
    }
    if (tensor.bytes > limit - begin || (i + 1 < order.size() && offsets[order[i + 1]] == begin)) {
      cursor.Fail("tensor '", tensor.name, "' overlaps '", (*tensors)[order[i + 1]].name, "'");
    }
    tensor.data = data.data() + begin;
  }
}

template <class T>
const char* KindName() {
  if constexpr (std::is_same_v<T, bool>) return "a boolean";
  else if constexpr (std::is_same_v<T, int64_t>) return "an integer";
  else if constexpr (std::is_same_v<T, double>) return "a number";
  else if constexpr (std::is_same_v<T, std::string>) return "a string";
  else if constexpr (std::is_same_v<T, std::vector<int64_t>>) return "an array of integers";
  else if constexpr (std::is_same_v<T, std::vector<double>>) return "an array of numbers";
  else if constexpr (std::is_same_v<T, std::vector<std::string>>) return "an array of strings";
  else return "an array of booleans";
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "GGUF data is little endian and used in place");

GgufFile::GgufFile(const std::string& path) : file_(path) {
  const std::span<const uint8_t> bytes = file_.bytes();
  Cursor cursor(bytes, file_.path());
  if (bytes.size() < 4 || std::memcmp(bytes.data(), "GGUF", 4) != 0) {
    ThrowUser("'", path, "' is not a GGUF file: it does not begin with \"GGUF\"");
  }
  cursor.Read<uint32_t>("the magic");
  const uint32_t version = cursor.Read<uint32_t>("the version");
  if (version != 2 && version != 3) {
    ThrowUser("'", path, "' has GGUF version ", version, ", expected 2 or 3, little endian; convert it again");
  }
  const uint64_t num_tensors = cursor.Read<uint64_t>("the tensor count");
  const uint64_t num_keys = cursor.Read<uint64_t>("the metadata count");
  cursor.CheckCount(num_keys, kMinKeyBytes, "metadata keys");
  cursor.CheckCount(num_tensors, kMinTensorBytes, "tensors");

  for (uint64_t i = 0; i < num_keys; ++i) {
    Key key;
    key.name = cursor.String("a metadata key");
    key.type = cursor.Read<uint32_t>("a value's type");
    const bool is_array = key.type == static_cast<uint32_t>(GgufType::kArray);
    if (is_array) key.element_type = cursor.Read<uint32_t>("an array's type");
    GgufValue value = is_array ? ReadArray(cursor, static_cast<GgufType>(key.element_type), key.name)
                               : ReadScalar(cursor, static_cast<GgufType>(key.type), key.name);
    if (!metadata_.emplace(key.name, std::move(value)).second) cursor.Fail("key '", key.name, "' occurs twice");
    keys_.push_back(std::move(key));
  }

  uint64_t alignment = kGgufDefaultAlignment;
  if (Has(kGgufAlignmentKey)) {
    const int64_t value = Get<int64_t>(kGgufAlignmentKey);
    if (value < 8 || value > (int64_t{1} << 30) || !std::has_single_bit(static_cast<uint64_t>(value))) {
      cursor.Fail(kGgufAlignmentKey, " is ", value, ", expected a power of two from 8");
    }
    alignment = static_cast<uint64_t>(value);
  }

  std::vector<uint64_t> offsets;
  for (uint64_t i = 0; i < num_tensors; ++i) {
    GgufTensor tensor;
    offsets.push_back(ReadTensorHeader(cursor, &tensor));
    if (!index_.emplace(tensor.name, tensors_.size()).second) cursor.Fail("tensor '", tensor.name, "' occurs twice");
    tensors_.push_back(std::move(tensor));
  }
  const uint64_t data_begin = (cursor.offset() + alignment - 1) / alignment * alignment;
  PlaceTensors(cursor, bytes.subspan(std::min<uint64_t>(data_begin, bytes.size())), alignment, offsets, &tensors_);
}

template <class T>
std::optional<T> GgufFile::Find(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) return std::nullopt;
  const GgufValue& value = found->second;
  if (const T* exact = std::get_if<T>(&value)) return *exact;
  if constexpr (std::is_same_v<T, double>) {
    if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  }
  if constexpr (std::is_same_v<T, std::vector<double>>) {
    if (const auto* integers = std::get_if<std::vector<int64_t>>(&value)) {
      return std::vector<double>(integers->begin(), integers->end());
    }
  }
  const char* got = std::visit([](const auto& v) { return KindName<std::decay_t<decltype(v)>>(); }, value);
  ThrowUser("'", path(), "': metadata key '", key, "' is ", got, ", expected ", KindName<T>());
}

template <class T>
T GgufFile::Get(std::string_view key) const {
  std::optional<T> value = Find<T>(key);
  if (!value) ThrowUser("'", path(), "' lacks the metadata key '", key, "' (", KindName<T>(), ")");
  return *std::move(value);
}

#define PITH_INSTANTIATE(T)                                           \
  template std::optional<T> GgufFile::Find<T>(std::string_view) const; \
  template T GgufFile::Get<T>(std::string_view) const;
PITH_INSTANTIATE(bool)
PITH_INSTANTIATE(int64_t)
PITH_INSTANTIATE(double)
PITH_INSTANTIATE(std::string)
PITH_INSTANTIATE(std::vector<int64_t>)
PITH_INSTANTIATE(std::vector<double>)
PITH_INSTANTIATE(std::vector<std::string>)
PITH_INSTANTIATE(std::vector<bool>)
#undef PITH_INSTANTIATE

const GgufTensor* GgufFile::FindTensor(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

TensorView GgufFile::Tensor(std::string_view name) const {
  const GgufTensor* tensor = FindTensor(name);
  if (tensor == nullptr) ThrowUser("'", path(), "' lacks the tensor '", name, "'");
  const std::optional<TensorType> type = TypeFromGguf(tensor->ggml_type);
  if (!type) {
    ThrowUser("'", path(), "': tensor '", name, "' has ggml type ", tensor->ggml_type,
              ", which pith cannot compute with; convert the model to f32, f16, bf16, q8_0, q4_0 or q4_1");
  }
  if (tensor->shape.size() > 2) {
    ThrowUser("'", path(), "': tensor '", name, "' has ", tensor->shape.size(), " dimensions, expected 1 or 2");
  }
  return {*type, tensor->shape.size() == 2 ? tensor->shape[1] : 1, tensor->shape[0], tensor->data};
}

}  // namespace pith
