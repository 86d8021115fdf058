// The hash that names an adapter by what it computes, whatever file it came from.
#pragma once

#include <string>

#include "adapters/packed_adapter.h"
#include "base/model/model_config.h"

namespace pith {

// SHA-256 (64 hex digits) over the activation and each pair's place, scale, types, shapes and bytes, as the runtime reads them
// for a base of this description. Reads the whole adapter.
std::string AdapterContentHash(const PackedAdapter& adapter, const ModelConfig& base);

}  // namespace pith
