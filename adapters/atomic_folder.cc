#include "adapters/atomic_folder.h"

#include <algorithm>
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
  temporary_ = TemporaryName(target_);
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
  const bool replaced = PutFolder(temporary_, target_);
  committed_ = true;
  std::error_code ignored;
  if (replaced) fs::remove_all(temporary_, ignored);
}

}  // namespace pith
