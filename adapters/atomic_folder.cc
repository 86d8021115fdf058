#include "adapters/atomic_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace pith {
namespace fs = std::filesystem;

AtomicFolder::AtomicFolder(const std::string& folder, std::vector<std::string> known) : known_(std::move(known)) {
  std::error_code error;
  // A link or a trailing slash must not change what is replaced.
  fs::path target = fs::weakly_canonical(fs::absolute(folder), error);
  if (!target.has_filename()) target = target.parent_path();
  if (error || target.empty() || target == target.root_path()) ThrowUser("cannot write the folder '", folder, "'");
  target_ = target.string();
  CheckReplaceable(target_, known_);
  MakeFolders(target.parent_path().string());
  static std::atomic<unsigned> counter{0};
  temporary_ = Str(target_, ".tmp-", ::getpid(), "-", counter.fetch_add(1));
  MakeFolders(temporary_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void CheckReplaceable(const std::string& folder, const std::vector<std::string>& known) {
  if (FileExists(folder)) ThrowUser("cannot write the folder '", folder, "': a file of that name exists");
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (std::find(known.begin(), known.end(), name) == known.end() || entry->is_directory()) {
      ThrowUser("'", folder, "' is not replaced because it holds '", name,
                "', which is no part of what would be written; name another folder or remove it");
    }
  }
}

void AtomicFolder::Commit() {
  PITH_CHECK(!committed_, target_);
  CheckReplaceable(target_, known_);
  const std::string old = temporary_ + ".old";
  const bool replaces = IsFolder(target_);
  // Swapping the two leaves no moment without a folder; a file system that cannot swap gets two renames.
  const bool swapped = replaces && ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0;
  if (!swapped) {
    if (replaces && ::rename(target_.c_str(), old.c_str()) != 0) {
      ThrowUser("cannot replace '", target_, "': ", std::strerror(errno));
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      const int reason = errno;
      if (replaces) (void)::rename(old.c_str(), target_.c_str());
      ThrowUser("cannot write '", target_, "': ", std::strerror(reason));
    }
  }
  committed_ = true;
  std::error_code ignored;
  fs::remove_all(swapped ? temporary_ : old, ignored);
}

}  // namespace pith
