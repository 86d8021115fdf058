#include "base/gguf_values.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/gguf.h"

namespace pith {
namespace {

template <class T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

// Calls `use` with the number in its own type; false for other types.
template <class Use>
bool WithNumber(GgufType type, const uint8_t* bytes, const Use& use) {
  switch (type) {
    case GgufType::kU8: use(Load<uint8_t>(bytes)); return true;
    case GgufType::kI8: use(Load<int8_t>(bytes)); return true;
    case GgufType::kU16: use(Load<uint16_t>(bytes)); return true;
    case GgufType::kI16: use(Load<int16_t>(bytes)); return true;
    case GgufType::kU32: use(Load<uint32_t>(bytes)); return true;
    case GgufType::kI32: use(Load<int32_t>(bytes)); return true;
    case GgufType::kU64: use(Load<uint64_t>(bytes)); return true;
    case GgufType::kI64: use(Load<int64_t>(bytes)); return true;
    case GgufType::kF32: use(Load<float>(bytes)); return true;
    case GgufType::kF64: use(Load<double>(bytes)); return true;
    default: return false;
  }
}

struct Array {
  GgufType type;
  uint64_t count;
  const uint8_t* items;
};

Array ArrayOf(const GgufEntry& entry) {
  return {static_cast<GgufType>(Load<uint32_t>(entry.bytes.data())), Load<uint64_t>(entry.bytes.data() + 4), entry.bytes.data() + 12};
}

std::string_view StringAt(const uint8_t* bytes) {
  return {reinterpret_cast<const char*>(bytes + sizeof(uint64_t)), Load<uint64_t>(bytes)};
}

// What one item, or a value that is no array, is as a T; nothing when it is of another kind.
template <class T>
std::optional<T> Read(GgufType type, const uint8_t* bytes) {
  if constexpr (std::is_same_v<T, bool>) {
    return type == GgufType::kBool ? std::optional(*bytes != 0) : std::nullopt;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return GgufInteger(type, bytes);
  } else if constexpr (std::is_same_v<T, double>) {
    return GgufNumber(type, bytes);
  } else {
    return type == GgufType::kString ? std::optional<T>(StringAt(bytes)) : std::nullopt;
  }
}

template <class T>
struct ItemOf {};
template <class T>
struct ItemOf<std::vector<T>> {
  using Type = T;
};

template <class T>
std::optional<T> ReadArray(const Array& array) {
  T items;
  items.reserve(array.count);
  const uint8_t* at = array.items;
  for (uint64_t i = 0; i < array.count; ++i) {
    auto item = Read<typename ItemOf<T>::Type>(array.type, at);
    if (!item) return std::nullopt;
    items.push_back(*std::move(item));
    at += array.type == GgufType::kString ? sizeof(uint64_t) + StringAt(at).size() : GgufFixedSize(array.type);
  }
  return items;
}

template <class T>
constexpr bool kIsArray = !std::is_same_v<T, bool> && !std::is_same_v<T, int64_t> && !std::is_same_v<T, double> &&
                          !std::is_same_v<T, std::string>;

template <class T>
const char* KindName() {
  if constexpr (std::is_same_v<T, bool>) return "a boolean";
  else if constexpr (std::is_same_v<T, int64_t>) return "an integer";
  else if constexpr (std::is_same_v<T, double>) return "a number";
  else if constexpr (std::is_same_v<T, std::string>) return "a string";
  else if constexpr (std::is_same_v<T, std::vector<int64_t>>) return "an array of integers";
  else if constexpr (std::is_same_v<T, std::vector<double>>) return "an array of numbers";
  else if constexpr (std::is_same_v<T, std::vector<bool>>) return "an array of booleans";
  else return "an array of strings";
}

// What the value is, for a message.
std::string KindOf(const GgufEntry& entry) {
  auto type = static_cast<GgufType>(entry.type);
  const bool is_array = type == GgufType::kArray;
  if (is_array) type = ArrayOf(entry).type;
  if (type == GgufType::kString) return is_array ? "an array of strings" : "a string";
  if (type == GgufType::kBool) return is_array ? "an array of booleans" : "a boolean";
  const bool is_float = type == GgufType::kF32 || type == GgufType::kF64;
  if (is_array) return is_float ? "an array of numbers" : "an array of integers";
  std::string value;
  WithNumber(type, entry.bytes.data(), [&](auto number) { value = Str(+number); });
  return value;
}

}  // namespace

std::optional<int64_t> GgufInteger(GgufType type, const uint8_t* bytes) {
  std::optional<int64_t> result;
  WithNumber(type, bytes, [&](auto number) {
    if constexpr (std::is_floating_point_v<decltype(number)>) {
      const double value = number;
      if (value == std::floor(value) && std::abs(value) < 0x1p63) result = static_cast<int64_t>(value);
    } else if (std::in_range<int64_t>(number)) {
      result = static_cast<int64_t>(number);
    }
  });
  return result;
}

std::optional<double> GgufNumber(GgufType type, const uint8_t* bytes) {
  std::optional<double> result;
  WithNumber(type, bytes, [&](auto number) { result = static_cast<double>(number); });
  return result;
}

bool GgufFile::IsArray(std::string_view key) const {
  const GgufEntry* entry = FindEntry(key);
  return entry != nullptr && static_cast<GgufType>(entry->type) == GgufType::kArray;
}

template <class T>
std::optional<T> GgufFile::Find(std::string_view key) const {
  const GgufEntry* entry = FindEntry(key);
  if (entry == nullptr) return std::nullopt;
  const auto type = static_cast<GgufType>(entry->type);
  std::optional<T> value;
  if constexpr (kIsArray<T>) {
    if (type == GgufType::kArray) value = ReadArray<T>(ArrayOf(*entry));
  } else {
    if (type != GgufType::kArray) value = Read<T>(type, entry->bytes.data());
  }
  if (!value) {
    const bool too_large = std::is_same_v<T, int64_t> && type == GgufType::kU64;
    ThrowUser("'", path(), "': metadata key '", key, "' is ", KindOf(*entry), ", expected ", KindName<T>(), too_large ? " below 2^63" : "");
  }
  return value;
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
PITH_INSTANTIATE(std::vector<std::string_view>)
PITH_INSTANTIATE(std::vector<bool>)
#undef PITH_INSTANTIATE

}  // namespace pith
