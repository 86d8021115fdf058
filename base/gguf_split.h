// The names of the files that a split model lies in: NAME-00002-of-00003.gguf is its second part of three.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pith {

// The files of all `count` parts beside `path`, which is part `index` (from 0); nothing when `path` is not named as that.
std::optional<std::vector<std::string>> GgufParts(const std::string& path, int64_t index, int64_t count);
// What a part should be called: "…-00002-of-00003.gguf".
std::string GgufPartSuffix(int64_t index, int64_t count);
// What all parts of a model have in common: "a/m-*-of-00003.gguf"; a file that is not named as a part, by its name.
std::string GgufFamily(const std::string& path);

}  // namespace pith
