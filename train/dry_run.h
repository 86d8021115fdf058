// --dry-run: what a run would do, as text for people. Writes nothing.
#pragma once

#include <string>

#include "train/stage/session.h"

namespace pith {

// The resolved configuration, the first prompt rendered, the batch arithmetic, the estimated memory. Of a session that lacks
// inputs (Inputs::kAnnounced): which, and what can be said without them.
std::string DryRun(const Session& session);

// Bytes that training holds at its peak, roughly: base, adapter with optimiser, activations of the largest micro-batch, and
// for rl the sampler's cache.
struct MemoryEstimate {
  int64_t base = 0, adapter = 0, activations = 0, sampler = 0;
  int64_t total() const { return base + adapter + activations + sampler; }
};
MemoryEstimate EstimateMemory(const Session& session);

}  // namespace pith
