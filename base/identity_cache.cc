#include "base/identity_cache.h"

#include <algorithm>
#include <chrono>

#include "base/cache_folder.h"
#include "base/error.h"
#include "base/sha256.h"

namespace pith {
namespace {

constexpr size_t kSamples = 16, kSampleBytes = 64;

// Whether a change from now on gets another time than the file has. File systems stamp changes by a clock that ticks, some in
// whole seconds.
bool IsSettled(const FileVersion& version) {
  using std::chrono::nanoseconds, std::chrono::seconds, std::chrono::milliseconds;
  const nanoseconds changed = seconds(version.changed_s) + nanoseconds(version.changed_ns);
  const nanoseconds tick = version.changed_ns == 0 ? nanoseconds(seconds(2)) : nanoseconds(milliseconds(20));
  return changed + tick < std::chrono::system_clock::now().time_since_epoch();
}

}  // namespace

IdentityCache::IdentityCache(const std::vector<const MappedFile*>& files, const TensorViews& tensors)
    : folder_(CacheFolder()), files_(files) {
  if (folder_.empty()) return;
  Sha256 key;
  key.Update("pith base identity, version 2\n");
  for (const MappedFile* file : files) {
    const FileVersion& v = file->version();
    if (v == FileVersion()) return;
    key.Update(Str(v.device, " ", v.inode, " ", v.bytes, " ", v.changed_s, " ", v.changed_ns, "\n"));
    settled_ &= IsSettled(v);
  }
  // Read-only images may give two files the same number and times: weights trained again then differ in a few samples. Not one
  // of each tensor, since that would be as many seeks on a cold disk.
  const size_t step = tensors.size() / kSamples + 1;
  size_t index = 0;
  for (const auto& [name, view] : tensors) {
    key.Update(TensorLine(name, view));
    if (index++ % step == 0) key.Update(view.data, std::min(kSampleBytes, view.bytes()));
  }
  place_ = Str(folder_, "/base-", key.HexDigest().substr(0, 32), ".sha256");
}

std::optional<std::string> IdentityCache::Find() const {
  try {
    if (place_.empty() || !FileExists(place_)) return {};
    const std::string stored = ReadFile(place_, /*max_bytes=*/1 << 10);
    if (IsIdentity(stored)) return stored;
  } catch (const UserError&) {
  }
  return {};
}

void IdentityCache::Remember(const std::string& identity) const {
  const bool same = std::all_of(files_.begin(), files_.end(), [](const MappedFile* file) { return VersionOf(file->path()) == file->version(); });
  if (place_.empty() || !settled_ || !same) return;
  try {
    MakeFolders(folder_);
    WriteFile(place_, identity);
  } catch (const UserError&) {
  }
}

}  // namespace pith
