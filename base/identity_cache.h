// Identities of bases, remembered from run to run (cache_folder.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/base_identity.h"

namespace pith {

// Of one base: an entry is a file, named by what is hashed (device, inode, size and time of change of each file, names, types
// and shapes of the tensors), written beside its place and renamed, so that many processes may use it at once. A cache that
// cannot be read or written costs time, never an error.
class IdentityCache {
 public:
  // `tensors` lie in `files`. Whoever hashes them does so after this.
  IdentityCache(const std::vector<const MappedFile*>& files, const TensorViews& tensors);
  std::optional<std::string> Find() const;
  // Does nothing where a file has changed since it was mapped, or so shortly before that the file system's clock could give
  // another change the same time.
  void Remember(const std::string& identity) const;

 private:
  std::string folder_, place_;  // empty where the environment names no home
  std::vector<const MappedFile*> files_;
  bool settled_ = true;
};

}  // namespace pith
