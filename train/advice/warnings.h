// Settings of `rl` that work as they say but seldom do what was meant.
#pragma once

#include <string>
#include <vector>

#include "configs/train_config.h"

namespace pith {

// A sentence each, which names the cure.
std::vector<std::string> PolicyWarnings(const RlSettings& rl);

}  // namespace pith
