// A run of RL with the runtime as sampler: each step samples group_size completions for each of its prompts, pays them, and learns
// from them.
#pragma once

#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

void RunRl(const Session& session, const RunOptions& options);

}  // namespace pith
