#include "base/cache_folder.h"

#include <cstdlib>

#include "base/error.h"

namespace pith {

std::string CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return Str(cache, "/pith");  // the XDG rules ignore relative paths
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? Str(home, "/.cache/pith") : "";
}

}  // namespace pith
