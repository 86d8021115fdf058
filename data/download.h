// Files from the network, once: fetched by the program curl, checked by SHA-256, kept in a cache folder.
#pragma once

#include <string>

namespace pith {

// $XDG_CACHE_HOME/pith/data, else ~/.cache/pith/data. UserError when neither variable is set.
std::string DataCacheFolder();

// The path of a local copy of `url` whose SHA-256 is `sha256` (64 lower-case hex digits): `name` in the cache folder.
// A copy that is there and matches is used without any network. UserError: curl missing or failing, or other contents
// than expected; each says how to do without the network (PITH_DATA).
std::string CachedDownload(const std::string& url, const std::string& sha256, const std::string& name);

}  // namespace pith
