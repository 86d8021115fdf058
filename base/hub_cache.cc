#include "base/hub_cache.h"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace pith {
namespace {

constexpr uint64_t kMaxRefBytes = 4096;
constexpr std::string_view kRepositoryPrefix = "models--";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A part of a name on the hub: letters, digits, and -_. inside.
bool IsNamePart(std::string_view part) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  if (part.empty() || !plain(part.front()) || part.back() == '.' || part.back() == '-') return false;
  for (const char c : part) {
    if (!plain(c) && c != '-' && c != '.') return false;
  }
  return part.find("..") == std::string_view::npos && part.find("--") == std::string_view::npos;
}

// Whether a path from within the cache stays there.
bool StaysInside(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  for (const auto& part : std::filesystem::path(path)) {
    if (part == ".." || part == ".") return false;
  }
  return true;
}

std::string RepositoryFolder(const HubName& name) {
  std::string flat = name.repository;
  if (const size_t slash = flat.find('/'); slash != std::string::npos) flat.replace(slash, 1, "--");
  return Str(HubCacheFolder(), "/", kRepositoryPrefix, flat);
}

// "models--org--name" → "org/name"; nothing where a folder is not called so.
std::optional<std::string> RepositoryName(std::string folder_name) {
  if (!folder_name.starts_with(kRepositoryPrefix)) return std::nullopt;
  folder_name.erase(0, kRepositoryPrefix.size());
  if (const size_t dashes = folder_name.find("--"); dashes != std::string::npos) folder_name.replace(dashes, 2, "/");
  return folder_name;
}

// The names in a folder, for a message; empty when there are none.
std::string Listed(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) names.insert(entry.path().filename().string());
  std::string listed;
  for (const std::string& name : names) listed += Str(listed.empty() ? "" : ", ", name);
  return listed;
}

// The revision's folder, or the file in it, of the repository that lies in `folder`.
std::string FindIn(const std::string& folder, const HubName& name) {
  std::string commit = name.revision;
  if (const std::string ref = folder + "/refs/" + name.revision; FileExists(ref)) {
    commit = ReadFile(ref, kMaxRefBytes);
    while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
    if (!StaysInside(commit)) ThrowUser("'", ref, "' does not hold a commit's hash; fetch the model again: ", DownloadCommand(name));
  }
  const std::string snapshot = folder + "/snapshots/" + commit;
  if (!IsFolder(snapshot)) {
    ThrowUser("'", folder, "' has no revision ", name.revision, commit == name.revision ? "" : " (" + commit + ")",
              " of ", name.repository, "; it has ", Listed(folder + "/snapshots"), " (name one behind an @), or fetch it: ",
              DownloadCommand(name));
  }
  if (name.file.empty()) return snapshot;
  if (const std::string file = snapshot + "/" + name.file; FileExists(file) || IsFolder(file)) return file;
  ThrowUser("'", snapshot, "' has no '", name.file, "', it has ", Listed(snapshot), "; fetch it: ", DownloadCommand(name));
}

}  // namespace

std::string ExpandHome(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const std::string home = Environment("HOME");
  return home.empty() ? path : home + path.substr(1);
}

std::optional<HubName> ParseHubName(const std::string& text) {
  HubName name;
  std::string_view left = text;
  const size_t at = left.find('@');
  name.revision = at == std::string_view::npos ? "main" : left.substr(at + 1);
  left = left.substr(0, at);
  const size_t slash = left.find('/');
  const size_t second = slash == std::string_view::npos ? slash : left.find('/', slash + 1);
  if (second != std::string_view::npos) {
    name.file = left.substr(second + 1);
    if (!StaysInside(name.file)) return std::nullopt;
  }
  left = left.substr(0, second);
  name.repository = left;
  const bool has_owner = slash != std::string_view::npos;
  if (has_owner ? !IsNamePart(left.substr(0, slash)) || !IsNamePart(left.substr(slash + 1)) : !IsNamePart(left)) return std::nullopt;
  if (!StaysInside(name.revision)) return std::nullopt;
  return name;
}

std::string HubCacheFolder() {
  for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string folder = Environment(variable); !folder.empty()) return ExpandHome(folder);
  }
  if (const std::string home = Environment("HF_HOME"); !home.empty()) return ExpandHome(home) + "/hub";
  if (const std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty()) return ExpandHome(cache) + "/huggingface/hub";
  const std::string home = Environment("HOME");
  return home.empty() ? "" : home + "/.cache/huggingface/hub";
}

bool InHubCache(const HubName& name) { return !HubCacheFolder().empty() && IsFolder(RepositoryFolder(name) + "/snapshots"); }

std::string DownloadCommand(const HubName& name) {
  return Str("hf download ", name.repository, name.file.empty() ? "" : " " + name.file,
             name.revision == "main" ? "" : " --revision " + name.revision);
}

std::string CompletionHint(const std::string& path) {
  const auto repository = RepositoryOf(path);
  return repository ? Str("; its download is not complete: hf download ", *repository, " fetches the rest") : "";
}

std::string FindInHubCache(const HubName& name) {
  const std::string folder = RepositoryFolder(name);
  if (!InHubCache(name)) ThrowUser("Hugging Face's cache has no '", folder, "'; fetch it: ", DownloadCommand(name));
  return FindIn(folder, name);
}

std::optional<std::string> FindInRepository(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) path = path.parent_path();  // behind the last slash
  const auto name = RepositoryName(path.filename().string());
  if (!name || !IsFolder(folder + "/snapshots")) return std::nullopt;
  return FindIn(path.string(), {*name, "main", ""});
}

std::optional<std::string> RepositoryOf(const std::string& path) {
  const std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
  std::optional<std::string> name;
  for (const auto& part : absolute) {
    if (name && part == "snapshots") return name;
    name = RepositoryName(part.string());
  }
  return std::nullopt;
}

}  // namespace pith
