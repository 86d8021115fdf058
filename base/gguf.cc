#include "base/gguf.h"

#include <utility>

#include "base/error.h"
#include "base/gguf_reader.h"
#include "base/gguf_split.h"
#include "base/gguf_types.h"

namespace pith {
namespace {

constexpr int64_t kMaxParts = 99999;  // five digits in a part's name

}  // namespace

GgufFile::GgufFile(const std::string& path) : path_(path) {
  files_.emplace_back(path);
  GgufContents contents = ReadGguf(files_.front());
  entries_ = std::move(contents.entries);
  AddTensors(path, std::move(contents.tensors));
  if (FindInteger(entries_, kGgufSplitCountKey).value_or(0) > 1) OpenOtherParts();
  IndexEntries();
}

GgufFile::GgufFile(MappedFile file) : path_(file.path()) {
  files_.push_back(std::move(file));
  GgufContents contents = ReadGguf(files_.front());
  entries_ = std::move(contents.entries);
  if (const int64_t count = FindInteger(entries_, kGgufSplitCountKey).value_or(0); count > 1) {
    ThrowUser("'", path_, "' is one of ", count, " parts of a split model, which are found by their paths alone; give the path of one, or merge them");
  }
  AddTensors(path_, std::move(contents.tensors));
  IndexEntries();
}

void GgufFile::IndexEntries() {
  for (size_t i = 0; i < entries_.size(); ++i) entry_index_.emplace(entries_[i].key, i);
}

void GgufFile::OpenOtherParts() {
  const int64_t count = *FindInteger(entries_, kGgufSplitCountKey);
  const int64_t given = FindInteger(entries_, kGgufSplitNoKey).value_or(-1);
  if (count > kMaxParts || given < 0 || given >= count) {
    ThrowUser("'", path_, "' says to be part ", given + 1, " of ", count, " (", kGgufSplitNoKey, ", ", kGgufSplitCountKey,
              "); fetch or split it again");
  }
  const auto paths = GgufParts(path_, given, count);
  if (!paths) {
    ThrowUser("'", path_, "' is part ", given + 1, " of ", count, " of a split model, but its name does not end in ",
              GgufPartSuffix(given, count), ", so the others cannot be found; give the parts their names back");
  }
  std::string missing;
  for (const std::string& path : *paths) {
    if (!FileExists(path)) missing += Str(missing.empty() ? "'" : ", '", path, "'");
  }
  if (!missing.empty()) {
    ThrowUser("'", path_, "' is part ", given + 1, " of ", count, " of a split model, and ", missing,
              " is missing beside it; fetch all parts into one folder");
  }

  // Anew, from the first part on, whichever was given.
  std::vector<MappedFile> files;
  std::vector<GgufEntry> entries;
  tensors_.clear();
  index_.clear();
  for (int64_t i = 0; i < count; ++i) {
    const std::string& path = (*paths)[static_cast<size_t>(i)];
    files.emplace_back(path);
    GgufContents part = ReadGguf(files.back());
    const int64_t number = FindInteger(part.entries, kGgufSplitNoKey).value_or(-1);
    const int64_t of = FindInteger(part.entries, kGgufSplitCountKey).value_or(-1);
    if (number != i || of != count) {
      ThrowUser("'", path, "' says to be part ", number + 1, " of ", of, " (", kGgufSplitNoKey, ", ", kGgufSplitCountKey,
                "), and stands where part ", i + 1, " of ", count, " belongs; fetch it again");
    }
    AddTensors(path, std::move(part.tensors));
    if (i == 0) entries = std::move(part.entries);
  }
  files_ = std::move(files);
  entries_ = std::move(entries);
  const auto promised = FindInteger(entries_, kGgufSplitTensorsKey);
  if (promised && *promised != static_cast<int64_t>(tensors_.size())) {
    ThrowUser("'", paths->front(), "' says that its ", count, " parts have ", *promised, " tensors (", kGgufSplitTensorsKey,
              "), but they have ", tensors_.size(), "; they are not parts of one model, fetch them again");
  }
}

void GgufFile::AddTensors(const std::string& path, std::vector<GgufTensor> tensors) {
  for (GgufTensor& tensor : tensors) {
    if (!index_.emplace(tensor.name, tensors_.size()).second) {
      ThrowUser("'", path, "' is not a valid GGUF file: tensor '", tensor.name, "' occurs twice; fetch or export it again");
    }
    tensors_.push_back(std::move(tensor));
  }
}

std::vector<std::string> GgufFile::paths() const {
  std::vector<std::string> paths;
  for (const MappedFile& file : files_) paths.push_back(file.path());
  return paths;
}

std::vector<const MappedFile*> GgufFile::files() const {
  std::vector<const MappedFile*> files;
  for (const MappedFile& file : files_) files.push_back(&file);
  return files;
}

const GgufEntry* GgufFile::FindEntry(std::string_view key) const {
  const auto found = entry_index_.find(key);
  return found == entry_index_.end() ? nullptr : &entries_[found->second];
}

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
              ", which pith cannot compute with; convert the model to one that it reads, such as q8_0, q6_k or q4_k");
  }
  if (tensor->shape.empty() || tensor->shape.size() > 2 || tensor->bytes == 0) {
    ThrowUser("'", path(), "': tensor '", name, "' has ", tensor->bytes == 0 ? "no values" : Str(tensor->shape.size(), " dimensions"),
              ", expected a vector or a matrix");
  }
  return {*type, tensor->shape.size() == 2 ? tensor->shape[1] : 1, tensor->shape[0], tensor->data};
}

}  // namespace pith
