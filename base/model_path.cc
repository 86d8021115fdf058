#include "base/model_path.h"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf_split.h"
#include "base/hub_cache.h"

namespace pith {
namespace {

constexpr char kDemo[] = "demo";

std::string DemoModel() {
  if (const char* set = std::getenv("PITH_DEMO_MODEL"); set != nullptr && *set != '\0') return set;
  const std::string place = ".pith/model/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!FileExists(place)) ThrowUser("the demo model is not at ", place, "; run ./pith setup, or set PITH_DEMO_MODEL to the file");
  return place;
}

// The models among a folder's GGUF files, a split one by the first of its parts that is there. What llama.cpp keeps beside a model
// is none.
std::vector<std::string> GgufModels(const std::string& folder) {
  std::set<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".gguf") && !name.starts_with("mmproj") && FileExists(entry.path().string())) files.insert(entry.path().string());
  }
  std::vector<std::string> models;
  for (const std::string& file : files) {
    if (models.empty() || GgufFamily(file) != GgufFamily(models.back())) models.push_back(file);
  }
  return models;
}

std::string ResolveFolder(const std::string& given) {
  const std::string folder = FindInRepository(given).value_or(given);
  for (const char* weights : {"model.safetensors", "model.safetensors.index.json"}) {
    if (FileExists(Str(folder, "/", weights))) return folder;
  }
  const std::vector<std::string> models = GgufModels(folder);
  if (models.empty()) return folder;  // a tokenizer's, or one that BaseModel has a word for
  if (models.size() == 1) return models.front();
  if (FileExists(folder + "/tokenizer.json") || FileExists(folder + "/tokenizer.model")) return folder;
  std::string listed;
  for (const std::string& model : models) listed += Str(listed.empty() ? "'" : ", '", model, "'");
  ThrowUser("'", folder, "' holds ", models.size(), " models; name one of them: ", listed);
}

std::string ResolveFile(const std::string& file) {
  const std::filesystem::path path(file);
  const std::string name = path.filename().string();
  const bool tells_of_folder = name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") || name == "config.json";
  if (!tells_of_folder) return file;
  const std::string folder = path.parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string ResolvePath(const std::string& path) { return IsFolder(path) ? ResolveFolder(path) : ResolveFile(path); }

}  // namespace

std::string ResolveModelPath(const std::string& name) {
  if (name == kDemo) return DemoModel();
  const std::string path = ExpandHome(name);
  if (FileExists(path) || IsFolder(path)) return ResolvePath(path);
  const auto hub = ParseHubName(name);
  if (hub && InHubCache(*hub)) return ResolvePath(FindInHubCache(*hub));
  // A file that is not there is better told of by whoever opens it; so is a name that no repository can have.
  const bool is_file = path.ends_with(".gguf") || path.ends_with(".json") || path.ends_with(".model") || path.ends_with(".safetensors");
  if (!hub || hub->repository.find('/') == std::string::npos || (is_file && hub->file.empty())) return path;
  ThrowUser("there is no file or folder '", path, "', and Hugging Face's cache (", HubCacheFolder(), ") has no model ", hub->repository,
            "; correct the path, or fetch the model: ", DownloadCommand(*hub));
}

std::string PortableModelName(const std::string& name) {
  const std::string path = ExpandHome(name);
  if (name != kDemo && !FileExists(path) && !IsFolder(path)) {
    if (const auto hub = ParseHubName(name); hub && InHubCache(*hub)) return hub->repository;
  }
  return ResolveModelPath(name);
}

}  // namespace pith
