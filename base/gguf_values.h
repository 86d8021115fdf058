// Numbers of GGUF's metadata, whichever of its types a file keeps them in.
#pragma once

#include <cstdint>
#include <optional>

#include "base/gguf_types.h"

namespace pith {

// The number of type `type` at `bytes`, which need not be aligned; nothing for other types. GgufInteger: nothing for what is
// not an integer of 64 bits with a sign, too; a float without a fraction is one.
std::optional<int64_t> GgufInteger(GgufType type, const uint8_t* bytes);
std::optional<double> GgufNumber(GgufType type, const uint8_t* bytes);

}  // namespace pith
