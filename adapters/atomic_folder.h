// A folder written whole or not at all.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace pith {

// UserError when `folder` is a file, or a folder that holds anything but files named in `known`.
void CheckReplaceable(const std::string& folder, const std::vector<std::string>& known);

// Write files into path(); Commit() puts them in place of `folder`, replacing an older one. Without Commit() the
// destructor removes what was written. A folder that is not replaceable (above) is refused on construction and on
// Commit(): a mistyped --out must not cost anybody's files.
class AtomicFolder {
 public:
  AtomicFolder(const std::string& folder, std::vector<std::string> known);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();

  const std::string& path() const { return temporary_; }
  void Commit();

 private:
  std::string target_, temporary_;
  std::vector<std::string> known_;
  bool committed_ = false;
};

}  // namespace pith
