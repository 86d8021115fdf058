// extends: a configuration that begins as another file and says what is different.
#pragma once

#include <string>
#include <vector>

#include "configs/config_tree.h"

namespace pith {

// The tree of the file at `path`, and of those that it extends, the outermost base first; `extends` is taken out of each. A base is
// named relative to the file that names it. What is wrong with any of them is appended to `problems`, with its place: syntax, a file
// that is no group of keys, a base that cannot be read, one that extends itself in however many steps. UserError where `path` itself
// cannot be read.
std::vector<ConfigNode> ReadLayers(const std::string& path, std::vector<ConfigProblem>* problems);

// What the last of the layers says over the first: each key of a section replaces that of the layers before, a list or map as a whole
// (but keys within a group of keys one by one); `key: ~` takes the key, or the whole section, back to its default.
ConfigNode MergeLayers(const std::vector<ConfigNode>& layers);

}  // namespace pith
