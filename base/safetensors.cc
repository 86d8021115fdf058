#include "base/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json_text.h"

namespace pith {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100 << 20;
constexpr uint64_t kMaxValues = uint64_t{1} << 48;
constexpr size_t kHeaderAlignment = 8;
constexpr char kMetadataKey[] = "__metadata__", kDouble[] = "F64";

const char* DtypeName(TensorType type) {
  return type == TensorType::kF32 ? "F32" : type == TensorType::kF16 ? "F16" : "BF16";
}

template <class... Args>
[[noreturn]] void Fail(const std::string& path, const Args&... args) {
  ThrowUser("'", path, "' is not a valid safetensors file: ", args..., "; fetch or save it again");
}

Json ParseHeader(const std::string& path, std::string_view text) {
  const std::string problem = JsonObjectProblem(text);
  if (!problem.empty()) Fail(path, "its header ", problem);
  return Json::parse(text);
}

uint64_t Unsigned(const std::string& path, const std::string& name, const Json& value) {
  if (!value.is_number_unsigned()) Fail(path, "tensor '", name, "' has ", value.dump(), " where a count belongs");
  return value.get<uint64_t>();
}

// The element types of the format, with their bits; those of less than a byte are packed.
struct Dtype {
  const char* name;
  uint64_t bits;
  std::optional<TensorType> type;  // nothing: pith does not compute with it
};
const Dtype kDtypes[] = {
    {"F32", 32, TensorType::kF32}, {"F16", 16, TensorType::kF16}, {"BF16", 16, TensorType::kBF16},
    {"BOOL", 8, {}}, {"U8", 8, {}}, {"I8", 8, {}}, {"F8_E5M2", 8, {}}, {"F8_E4M3", 8, {}}, {"F8_E8M0", 8, {}},
    {"F8_E4M3FNUZ", 8, {}}, {"F8_E5M2FNUZ", 8, {}}, {"I16", 16, {}}, {"U16", 16, {}}, {"I32", 32, {}}, {"U32", 32, {}},
    {"C64", 64, {}}, {kDouble, 64, TensorType::kF32}, {"I64", 64, {}}, {"U64", 64, {}}, {"F4", 4, {}}, {"F6_E2M3", 6, {}}, {"F6_E3M2", 6, {}}};

const Dtype& ReadDtype(const std::string& path, const std::string& name, const Json& value) {
  for (const Dtype& dtype : kDtypes) {
    if (value == dtype.name) return dtype;
  }
  Fail(path, "tensor '", name, "' has the unknown type ", value.dump());
}

// Its type is the caller's to set.
SafeTensor ReadTensor(const std::string& path, const std::string& name, const Json& entry, const Dtype& dtype,
                      std::span<const uint8_t> data) {
  SafeTensor tensor;
  const Json& shape = entry["shape"];
  if (!shape.is_array()) Fail(path, "tensor '", name, "' has a shape that is not a list");
  uint64_t values = 1;
  for (const Json& item : shape) {
    const uint64_t size = Unsigned(path, name, item);
    if (size > kMaxValues || (values != 0 && size > kMaxValues / values)) {
      Fail(path, "tensor '", name, "' has the impossible shape ", shape.dump());
    }
    values *= size;
    tensor.shape.push_back(static_cast<int64_t>(size));
  }

  const Json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) Fail(path, "tensor '", name, "' has no pair of data_offsets");
  const uint64_t begin = Unsigned(path, name, offsets[0]), end = Unsigned(path, name, offsets[1]);
  if (begin > end || end > data.size()) {
    Fail(path, "tensor '", name, "' lies at bytes ", begin, " to ", end, " of ", data.size());
  }
  tensor.bytes = end - begin;
  if (tensor.bytes * 8 != values * dtype.bits) {
    Fail(path, "tensor '", name, "' of shape ", shape.dump(), " and type ", dtype.name, " has ", tensor.bytes, " bytes");
  }
  tensor.data = data.data() + begin;
  return tensor;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) {
  const std::span<const uint8_t> bytes = file_.bytes();
  if (bytes.size() < 8) Fail(path, "it has only ", bytes.size(), " bytes");
  uint64_t header_bytes;
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > bytes.size() - 8 || header_bytes > kMaxHeaderBytes) {
    Fail(path, "it claims a header of ", header_bytes, " bytes in a file of ", bytes.size());
  }
  const Json header =
      ParseHeader(path, {reinterpret_cast<const char*>(bytes.data() + 8), static_cast<size_t>(header_bytes)});
  const std::span<const uint8_t> data = bytes.subspan(8 + header_bytes);

  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) {
      if (entry.is_null()) continue;
      if (!entry.is_object()) Fail(path, kMetadataKey, " is not an object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) Fail(path, "metadata '", key, "' is not a string");
        metadata_.emplace(key, value.get<std::string>());
      }
      continue;
    }
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets")) {
      Fail(path, "tensor '", name, "' lacks dtype, shape or data_offsets");
    }
    const Dtype& dtype = ReadDtype(path, name, entry["dtype"]);
    SafeTensor tensor = ReadTensor(path, name, entry, dtype, data);
    const auto begin = static_cast<uint64_t>(tensor.data - data.data());
    ranges.emplace_back(begin, begin + tensor.bytes);
    if (dtype.type) {
      tensor.type = *dtype.type;
      if (std::string_view(dtype.name) == kDouble) Narrow(&tensor);
      tensors_.emplace(name, std::move(tensor));
    } else {
      foreign_.emplace(name, dtype.name);
    }
  }

  // As in the reference implementation, the tensors must tile the data: no overlap, no hole, nothing behind.
  std::sort(ranges.begin(), ranges.end());
  uint64_t expected = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != expected) Fail(path, "a tensor begins at byte ", begin, " where the one before ends at ", expected);
    expected = end;
  }
  if (expected != data.size()) Fail(path, "its tensors cover ", expected, " of ", data.size(), " bytes");
}

void SafetensorsFile::RefuseForeign() const {
  if (foreign_.empty()) return;
  const auto& [name, dtype] = *foreign_.begin();
  ThrowUser("'", path(), "': tensor '", name, "' has type ", dtype, ", expected F64, F32, F16 or BF16");
}

void SafetensorsFile::Narrow(SafeTensor* tensor) {
  std::vector<float>& values = narrowed_.emplace_back(tensor->bytes / sizeof(double));
  for (size_t i = 0; i < values.size(); ++i) {
    double value;
    std::memcpy(&value, tensor->data + i * sizeof(double), sizeof(double));  // of any alignment
    values[i] = static_cast<float>(value);
  }
  tensor->bytes = values.size() * sizeof(float);
  if (!values.empty()) tensor->data = reinterpret_cast<const uint8_t*>(values.data());
}

const SafeTensor* SafetensorsFile::Find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void WriteSafetensors(const std::string& path, const std::vector<SafeTensorToWrite>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  // Wider types first: every tensor is then aligned to its own type.
  std::vector<const SafeTensorToWrite*> order;
  for (const SafeTensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return BytesPerBlock(a->type) > BytesPerBlock(b->type);
  });

  uint64_t offset = 0;
  std::vector<uint64_t> sizes;
  for (const SafeTensorToWrite* tensor : order) {
    PITH_CHECK(!IsQuantised(tensor->type), tensor->name, " has type ", TypeName(tensor->type));
    PITH_CHECK(tensor->name != kMetadataKey && !header.contains(tensor->name), "tensor written twice: ", tensor->name);
    uint64_t bytes = BytesPerBlock(tensor->type);
    for (const int64_t size : tensor->shape) {
      PITH_CHECK(size >= 0, tensor->name);
      bytes *= static_cast<uint64_t>(size);
    }
    header[tensor->name] = {
        {"dtype", DtypeName(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {offset, offset + bytes}}};
    sizes.push_back(bytes);
    offset += bytes;
  }

  std::string text = header.dump();
  text.append((kHeaderAlignment - text.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
  const uint64_t header_bytes = text.size();
  AtomicFile file(path);
  file.Write(&header_bytes, sizeof(header_bytes));
  file.Write(text);
  for (size_t i = 0; i < order.size(); ++i) file.Write(order[i]->data, sizes[i]);
  file.Commit();
}

}  // namespace pith
