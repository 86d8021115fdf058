// Rows of an evaluation's results.json (pith-run eval) as points of an adapter's card.
#pragma once

#include <string>
#include <vector>

#include "adapters/card.h"

namespace pith {

// The rows of the adapter whose AdapterHash() is `adapter_sha256`, of several modes with it those of `adapter_mode`; and those of "base", if
// there are any. Of rows that tell no hash: those of `adapter_mode`, or, where the file has no such mode, of the only one beside "base", with a warning.
// UserError where the file is not such a list, does not tell which adapter is meant, or has rows of others alone.
std::vector<CardPoint> ReadResults(const std::string& path, const std::string& adapter_mode, const std::string& adapter_sha256);

}  // namespace pith
