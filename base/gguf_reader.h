// One GGUF file, parsed: what GgufFile puts together.
#pragma once

#include <vector>

#include "base/gguf.h"

namespace pith {

struct GgufContents {
  std::vector<GgufEntry> entries;  // no key twice
  std::vector<GgufTensor> tensors;
};

// Everything but whether two tensors have one name has been checked. Views point into `file`. UserErrors as GgufFile's.
GgufContents ReadGguf(const MappedFile& file);

// The integer under `key`, where it is one that fits; nothing otherwise.
std::optional<int64_t> FindInteger(const std::vector<GgufEntry>& entries, std::string_view key);

}  // namespace pith
