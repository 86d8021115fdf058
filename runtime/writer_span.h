// Who is to have written which tokens.
#pragma once

#include <cstdint>
#include <memory>

#include "adapters/packed_adapter.h"

namespace pith {

using AdapterRef = std::shared_ptr<const PackedAdapter>;  // nullptr: the bare base

// In a list of them, for a list of tokens: those from the end of the span before (0 for the first) up to `end`. Ends never fall; a
// span may be empty.
struct WriterSpan {
  int64_t end;
  AdapterRef adapter;
};

}  // namespace pith
