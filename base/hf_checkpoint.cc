#include "base/hf_checkpoint.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/hub_cache.h"
#include "base/json_text.h"

namespace pith {
namespace {

constexpr uint64_t kMaxIndexBytes = 100 << 20;  // as a safetensors header, which names as many tensors
constexpr char kPrefix[] = "model.";

[[noreturn]] void RefuseFolder(const std::string& folder) {
  for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!FileExists(Str(folder, "/", pickle))) continue;
    ThrowUser("'", folder, "' has its weights in ", pickle, ", in which a program may hide and which pith does not read; save the model as safetensors");
  }
  ThrowUser("'", folder, "' has neither model.safetensors nor model.safetensors.index.json; ",
            "expected a GGUF file or a Hugging Face folder", CompletionHint(folder));
}

std::vector<std::string> ShardPaths(const std::string& folder) {
  const std::string single = folder + "/model.safetensors", index = single + ".index.json";
  if (FileExists(single)) return {single};
  if (!FileExists(index)) RefuseFolder(folder);
  const std::string text = PythonJson(ReadFile(index, kMaxIndexBytes));
  if (const std::string problem = JsonObjectProblem(text, kMaxJsonDepth, RepeatedKeys::kLastCounts); !problem.empty()) ThrowUser("'", index, "' ", problem);
  const nlohmann::json json = nlohmann::json::parse(text);
  if (!json.contains("weight_map") || !json["weight_map"].is_object() || json["weight_map"].empty()) {
    ThrowUser("'", index, "' is not a JSON object with a weight_map");
  }
  std::set<std::string> files;
  for (const auto& [name, file] : json["weight_map"].items()) {
    if (!file.is_string() || file.get<std::string>().find('/') != std::string::npos) {
      ThrowUser("'", index, "': tensor '", name, "' is in ", file.dump(), ", expected a file of the same folder");
    }
    files.insert(file.get<std::string>());
  }
  std::vector<std::string> paths;
  std::string missing;
  for (const std::string& file : files) {
    paths.push_back(folder + "/" + file);
    if (!FileExists(paths.back())) missing += Str(missing.empty() ? "" : ", ", file);
  }
  if (!missing.empty()) {
    const std::string hint = CompletionHint(folder);
    ThrowUser("'", folder, "' lacks ", missing, ", which model.safetensors.index.json names (", files.size(), " files in all)",
              hint.empty() ? "; fetch the folder whole" : hint);
  }
  return paths;
}

}  // namespace

bool SameTensor(const HfCheckpoint::Place& a, const HfCheckpoint::Place& b) {
  return a.tensor != nullptr && b.tensor != nullptr && a.tensor->type == b.tensor->type && a.tensor->shape == b.tensor->shape &&
         std::memcmp(a.tensor->data, b.tensor->data, a.tensor->bytes) == 0;
}

HfCheckpoint::HfCheckpoint(const std::string& folder) : folder_(folder) {
  for (const std::string& path : ShardPaths(folder)) {
    shards_.push_back(std::make_unique<SafetensorsFile>(path));
    const SafetensorsFile& shard = *shards_.back();
    const auto add = [&](const std::string& name, const Place& place) {
      const auto [found, is_new] = places_.emplace(name, place);
      if (is_new || SameTensor(found->second, place)) return;
      ThrowUser("'", path, "': tensor '", name, "' is in another file of the folder too, with other values");
    };
    for (const auto& [name, tensor] : shard.tensors()) add(name, {&tensor, "", &shard.path()});
    for (const auto& [name, dtype] : shard.foreign()) add(name, {nullptr, dtype, &shard.path()});
  }
  const bool is_bare = places_.contains("embed_tokens.weight") && !places_.contains("model.embed_tokens.weight");
  if (!is_bare) return;
  std::map<std::string, Place, std::less<>> renamed;
  for (const auto& [name, place] : places_) {
    const bool of_decoder = name.starts_with("embed_tokens.") || name.starts_with("layers.") || name.starts_with("norm.");
    renamed.emplace(of_decoder ? kPrefix + name : name, place);
  }
  places_ = std::move(renamed);
}

std::vector<std::string> HfCheckpoint::paths() const {
  std::vector<std::string> paths;
  for (const auto& shard : shards_) paths.push_back(shard->path());
  return paths;
}

std::vector<const MappedFile*> HfCheckpoint::files() const {
  std::vector<const MappedFile*> files;
  for (const auto& shard : shards_) files.push_back(&shard->file());
  return files;
}

const HfCheckpoint::Place* HfCheckpoint::Find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &found->second;
}

TensorView HfCheckpoint::Tensor(std::string_view name, bool is_vector) const {
  const Place* place = Find(name);
  if (place == nullptr) ThrowUser("'", folder_, "' lacks the tensor '", name, "'");
  if (place->tensor == nullptr) {
    ThrowUser("'", *place->file, "': tensor '", name, "' has type ", place->dtype, ", expected F32, F16 or BF16");
  }
  const SafeTensor& tensor = *place->tensor;
  const size_t dimensions = is_vector ? 1 : 2;
  if (tensor.shape.size() != dimensions) {
    ThrowUser("'", *place->file, "': tensor '", name, "' has ", tensor.shape.size(), " dimensions, expected ", dimensions);
  }
  return {tensor.type, is_vector ? 1 : tensor.shape[0], tensor.shape.back(), tensor.data};
}

}  // namespace pith
