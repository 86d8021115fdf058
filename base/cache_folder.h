// Where what can be found again is kept from run to run: $XDG_CACHE_HOME/pith, by default ~/.cache/pith.
#pragma once

#include <string>

namespace pith {

// Empty where the environment names no home. It may not exist yet.
std::string CacheFolder();

}  // namespace pith
