// The folder that a program's results will go to, made sure of before the work.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pith {

class OutputFolder {
 public:
  // Makes the folder where it is missing. UserError when that fails, or when one of `files` could not be written there.
  OutputFolder(const std::string& path, const std::vector<std::string>& files);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  // Folders that were made for nothing, since nothing was written, are removed.
  ~OutputFolder();

  std::string Path(const std::string& file) const;
  // Writes (name, contents) of each, all or none: on a full disk the folder stays as it was. UserError then.
  void Write(const std::vector<std::pair<std::string, std::string>>& files) const;

 private:
  std::string path_;
  std::vector<std::string> made_;  // innermost first
  void RemoveEmpty();
};

}  // namespace pith
