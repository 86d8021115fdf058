#include "runtime/programs/output_folder.h"

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file.h"

namespace pith {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const std::string& path, const std::vector<std::string>& files) : path_(path) {
  if (path.empty()) ThrowUser("--out is empty; name a folder to write to");
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

void OutputFolder::Write(const std::vector<std::pair<std::string, std::string>>& files) const {
  std::vector<std::unique_ptr<AtomicFile>> written;
  for (const auto& [name, contents] : files) {
    written.push_back(std::make_unique<AtomicFile>(Path(name)));
    written.back()->Write(contents);
    written.back()->Flush();
  }
  for (const auto& file : written) file->Commit();
}

OutputFolder::~OutputFolder() { RemoveEmpty(); }

void OutputFolder::RemoveEmpty() {
  std::error_code error;
  for (const std::string& folder : made_) {
    if (!fs::is_directory(folder, error) || !fs::is_empty(folder, error)) return;
    fs::remove(folder, error);
  }
}

}  // namespace pith
