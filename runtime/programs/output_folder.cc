#include "runtime/programs/output_folder.h"

#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace pith {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const std::string& path, const std::vector<std::string>& files) : path_(path) {
  std::error_code error;
  for (fs::path folder = fs::absolute(path).lexically_normal(); !fs::exists(folder, error) && folder.has_relative_path();
       folder = folder.parent_path()) {
    if (folder.has_filename()) made_.push_back(folder.string());  // "out/" names "out"
  }
  try {
    MakeFolders(path);
    for (const std::string& file : files) AtomicFile probe(Path(file));  // opened beside its place and removed again
  } catch (const UserError&) {
    RemoveEmpty();
    throw;
  }
}

std::string OutputFolder::Path(const std::string& file) const { return (fs::path(path_) / file).string(); }

OutputFolder::~OutputFolder() { RemoveEmpty(); }

void OutputFolder::RemoveEmpty() {
  std::error_code error;
  for (const std::string& folder : made_) {
    if (!fs::is_directory(folder, error) || !fs::is_empty(folder, error)) return;
    fs::remove(folder, error);
  }
}

}  // namespace pith
