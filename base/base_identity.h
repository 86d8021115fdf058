// The hash that names a base ("Identity of a base"), and its cache.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/tensor_view.h"

namespace pith {

// SHA-256 over, for each tensor in name order, the line "NAME TYPE ROWS COLS\n" and the tensor's bytes.
std::string HashTensors(const std::map<std::string, TensorView, std::less<>>& tensors);

// HashTensors, remembered in $XDG_CACHE_HOME/pith (default ~/.cache/pith) for as long as no file of `files` changes its
// path, size or modification time. A cache that cannot be read or written costs time, never an error.
std::string CachedIdentity(const std::vector<std::string>& files,
                           const std::map<std::string, TensorView, std::less<>>& tensors);

// `text` when it is 64 lower-case hex digits; else UserError naming `path`.
std::string CheckedIdentity(const std::string& path, const std::string& text);

}  // namespace pith
