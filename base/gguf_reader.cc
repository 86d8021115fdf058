#include "base/gguf_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/gguf_types.h"
#include "base/gguf_values.h"

namespace pith {
namespace {

constexpr uint32_t kMaxDimensions = 4;
constexpr uint64_t kMaxValues = uint64_t{1} << 48;  // per tensor; keeps every later product of sizes inside 64 bits
constexpr uint64_t kMinKeyBytes = 8 + 4 + 1;        // empty name, type, smallest value
constexpr uint64_t kMinTensorBytes = 8 + 4 + 4 + 8;

// Reads little-endian values one after another and never past the end.
class Cursor {
 public:
  Cursor(std::span<const uint8_t> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }
  std::span<const uint8_t> Since(uint64_t begin) const { return bytes_.subspan(begin, offset_ - begin); }

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("'", path_, "' is not a valid GGUF file: ", args..., " (at byte ", offset_,
              "); fetch or export it again");
  }

  template <class T>
  T Read(const char* what) {
    T value;
    Skip(sizeof(T), what);
    std::memcpy(&value, bytes_.data() + offset_ - sizeof(T), sizeof(T));
    return value;
  }

  void Skip(uint64_t size, const char* what) {
    if (remaining() < size) Fail("the file ends inside ", what);
    offset_ += size;
  }

  std::string_view String(const char* what) {
    const uint64_t size = Read<uint64_t>(what);
    if (size > remaining()) Fail(what, " claims ", size, " bytes where ", remaining(), " are left");
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data() + offset_), size);
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

void SkipArray(Cursor& cursor, std::string_view key) {
  const auto type = static_cast<GgufType>(cursor.Read<uint32_t>("an array's type"));
  const uint64_t count = cursor.Read<uint64_t>("an array's length");
  if (type == GgufType::kString) {
    cursor.CheckCount(count, sizeof(uint64_t), "strings");
    for (uint64_t i = 0; i < count; ++i) cursor.String("a string");
    return;
  }
  const uint64_t bytes_each = GgufFixedSize(type);
  if (bytes_each == 0) cursor.Fail("key '", key, "' is an array of type ", static_cast<uint32_t>(type));
  cursor.CheckCount(count, bytes_each, "values of an array");
  cursor.Skip(count * bytes_each, "an array");
}

GgufEntry ReadEntry(Cursor& cursor) {
  GgufEntry entry;
  entry.key = cursor.String("a metadata key");
  entry.type = cursor.Read<uint32_t>("a value's type");
  const auto type = static_cast<GgufType>(entry.type);
  const uint64_t begin = cursor.offset();
  if (type == GgufType::kArray) {
    SkipArray(cursor, entry.key);
  } else if (type == GgufType::kString) {
    cursor.String("a string");
  } else {
    if (GgufFixedSize(type) == 0) cursor.Fail("key '", entry.key, "' has unknown type ", entry.type);
    cursor.Skip(GgufFixedSize(type), "a value");
  }
  entry.bytes = cursor.Since(begin);
  return entry;
}

// Returns the offset within the tensor data, which is only known once all headers are read.
uint64_t ReadTensorHeader(Cursor& cursor, GgufTensor* tensor) {
  tensor->name = cursor.String("a tensor's name");
  const uint32_t dimensions = cursor.Read<uint32_t>("a tensor's header");
  if (dimensions > kMaxDimensions) {
    cursor.Fail("tensor '", tensor->name, "' has ", dimensions, " dimensions, expected at most ", kMaxDimensions);
  }
  uint64_t values = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const uint64_t size = cursor.Read<uint64_t>("a tensor's shape");
    if (size > kMaxValues || (values != 0 && size > kMaxValues / values)) {
      cursor.Fail("tensor '", tensor->name, "' has the impossible size ", size, " in dimension ", i);
    }
    values *= size;
    tensor->shape.push_back(static_cast<int64_t>(size));
  }
  tensor->ggml_type = cursor.Read<uint32_t>("a tensor's type");
  const GgmlTypeSize layout = GgmlSizeOf(tensor->ggml_type);
  if (layout.values != 0) {
    const uint64_t row = dimensions == 0 ? 1 : static_cast<uint64_t>(tensor->shape[0]);
    if (row % layout.values != 0) {
      cursor.Fail("tensor '", tensor->name, "' has rows of ", row, " values, not a multiple of its type's ", layout.values);
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
  // An empty tensor lies where the next one begins, and comes before it.
  const auto known_empty = [&](size_t i) { return (*tensors)[i].bytes == 0 && GgmlSizeOf((*tensors)[i].ggml_type).values != 0; };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return offsets[a] != offsets[b] ? offsets[a] < offsets[b] : known_empty(a) && !known_empty(b);
  });
  for (size_t i = 0; i < order.size(); ++i) {
    GgufTensor& tensor = (*tensors)[order[i]];
    const uint64_t begin = offsets[order[i]];
    const bool last = i + 1 == order.size();
    const uint64_t limit = last ? data.size() : std::min<uint64_t>(offsets[order[i + 1]], data.size());
    if (begin % alignment != 0) {
      cursor.Fail("tensor '", tensor.name, "' lies at ", begin, ", not aligned to ", alignment);
    }
    if (begin > data.size()) cursor.Fail("tensor '", tensor.name, "' lies beyond the end of the file");
    const bool is_known = GgmlSizeOf(tensor.ggml_type).values != 0;
    if (!is_known) tensor.bytes = limit - begin;
    if (tensor.bytes > data.size() - begin) {
      cursor.Fail("tensor '", tensor.name, "' needs ", tensor.bytes, " bytes where the file has ", data.size() - begin);
    }
    const bool shares_begin = !last && offsets[order[i + 1]] == begin && !known_empty(order[i]);
    if (tensor.bytes > limit - begin || shares_begin) {
      cursor.Fail("tensor '", tensor.name, "' overlaps '", (*tensors)[order[i + 1]].name, "'");
    }
    tensor.data = data.data() + begin;
  }
}

uint64_t Alignment(const Cursor& cursor, const std::vector<GgufEntry>& entries) {
  const auto found = std::find_if(entries.begin(), entries.end(), [](const GgufEntry& e) { return e.key == kGgufAlignmentKey; });
  if (found == entries.end()) return kGgufDefaultAlignment;
  const std::optional<int64_t> value = FindInteger(entries, kGgufAlignmentKey);
  if (!value || *value < 8 || *value > (int64_t{1} << 30) || !std::has_single_bit(static_cast<uint64_t>(*value))) {
    cursor.Fail(kGgufAlignmentKey, " is ", value ? Str(*value) : "no integer", ", expected a power of two from 8");
  }
  return static_cast<uint64_t>(*value);
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "GGUF data is little endian and used in place");

std::optional<int64_t> FindInteger(const std::vector<GgufEntry>& entries, std::string_view key) {
  for (const GgufEntry& entry : entries) {
    if (entry.key == key) return GgufInteger(static_cast<GgufType>(entry.type), entry.bytes.data());
  }
  return std::nullopt;
}

GgufContents ReadGguf(const MappedFile& file) {
  const std::span<const uint8_t> bytes = file.bytes();
  const std::string& path = file.path();
  Cursor cursor(bytes, path);
  if (bytes.size() < 4 || std::memcmp(bytes.data(), "GGUF", 4) != 0) {
    ThrowUser("'", path, "' is not a GGUF file: it does not begin with \"GGUF\"");
  }
  cursor.Read<uint32_t>("the magic");
  const uint32_t version = cursor.Read<uint32_t>("the version");
  if (const uint32_t swapped = __builtin_bswap32(version); swapped == 2 || swapped == 3) {
    ThrowUser("'", path, "' is a GGUF for big-endian machines, which pith does not read; convert it again, without --bigendian");
  }
  if (version != 2 && version != 3) {
    ThrowUser("'", path, "' has GGUF version ", version, ", expected 2 or 3, little endian; convert it again");
  }
  const uint64_t num_tensors = cursor.Read<uint64_t>("the tensor count");
  const uint64_t num_keys = cursor.Read<uint64_t>("the metadata count");
  cursor.CheckCount(num_keys, kMinKeyBytes, "metadata keys");
  cursor.CheckCount(num_tensors, kMinTensorBytes, "tensors");

  GgufContents contents;
  std::set<std::string_view> keys;
  for (uint64_t i = 0; i < num_keys; ++i) {
    contents.entries.push_back(ReadEntry(cursor));
    const std::string_view key = contents.entries.back().key;
    if (!keys.insert(key).second) cursor.Fail("key '", key, "' occurs twice");
  }
  const uint64_t alignment = Alignment(cursor, contents.entries);
  std::vector<uint64_t> offsets;
  for (uint64_t i = 0; i < num_tensors; ++i) {
    contents.tensors.emplace_back();
    offsets.push_back(ReadTensorHeader(cursor, &contents.tensors.back()));
  }
  const uint64_t data_begin = (cursor.offset() + alignment - 1) / alignment * alignment;
  PlaceTensors(cursor, bytes.subspan(std::min<uint64_t>(data_begin, bytes.size())), alignment, offsets, &contents.tensors);
  return contents;
}

}  // namespace pith
