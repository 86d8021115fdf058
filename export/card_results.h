// Rows of an evaluation's results.json (pith-run eval) as points of an adapter's card.
#pragma once

#include <string>
#include <vector>

#include "adapters/card.h"

namespace pith {

// The rows of `adapter_mode`, or, where the file has no such mode, of the only one beside "base"; and those of "base", if there
// are any. UserError where the file is not such a list or does not tell which adapter is meant.
std::vector<CardPoint> ReadResults(const std::string& path, const std::string& adapter_mode);

}  // namespace pith
