// Where a model is: a path, or "demo" for the demo model that ./pith fetches.
#pragma once

#include <string>

namespace pith {

// "demo" becomes $PITH_DEMO_MODEL, or the demo model's place below the current folder; anything else stays as it is.
// UserError when the demo model is not there.
std::string ResolveModelPath(const std::string& path);

}  // namespace pith
