#include "base/base_identity.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace pith {
namespace {

constexpr size_t kHexDigits = 64;

bool IsIdentity(const std::string& text) {
  return text.size() == kHexDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Where the cache lies; empty when the environment names no home.
std::string CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return Str(cache, "/pith");  // the XDG rules ignore relative paths
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? Str(home, "/.cache/pith") : "";
}

// What the files are and when they last changed; empty when that cannot be told.
std::string Fingerprint(const std::vector<std::string>& files) {
  Sha256 hash;
  hash.Update("pith base identity, version 1\n");
  for (const std::string& file : files) {
    std::error_code error;
    const std::string path = std::filesystem::canonical(file, error).string();
    struct stat info;
    if (error || ::stat(path.c_str(), &info) != 0) return "";
    hash.Update(Str(path, "\n", info.st_size, " ", info.st_mtim.tv_sec, " ", info.st_mtim.tv_nsec, "\n"));
  }
  return hash.HexDigest();
}

}  // namespace

std::string HashTensors(const std::map<std::string, TensorView, std::less<>>& tensors) {
  Sha256 hash;
  for (const auto& [name, view] : tensors) {
    hash.Update(Str(name, " ", TypeName(view.type), " ", view.rows, " ", view.cols, "\n"));
    hash.Update(view.data, view.bytes());
  }
  return hash.HexDigest();
}

std::string CachedIdentity(const std::vector<std::string>& files,
                           const std::map<std::string, TensorView, std::less<>>& tensors) {
  const std::string folder = CacheFolder(), fingerprint = folder.empty() ? "" : Fingerprint(files);
  if (fingerprint.empty()) return HashTensors(tensors);
  const std::string place = Str(folder, "/base-", fingerprint.substr(0, 32), ".sha256");
  try {
    if (FileExists(place)) {
      const std::string stored = ReadFile(place);
      if (IsIdentity(stored)) return stored;
    }
  } catch (const UserError&) {
  }
  const std::string identity = HashTensors(tensors);
  try {
    MakeFolders(folder);
    WriteFile(place, identity);
  } catch (const UserError&) {
  }
  return identity;
}

std::string CheckedIdentity(const std::string& path, const std::string& text) {
  if (!IsIdentity(text)) {
    ThrowUser("'", path, "': pith.base.sha256 is '", text,
              "', expected 64 lower-case hex digits; export the file again");
  }
  return text;
}

}  // namespace pith
