// --dry-run: what a run would do, as text for people. Writes nothing.
#pragma once

#include <string>

#include "train/stage/session.h"

namespace pith {

// The resolved configuration, the first prompt rendered, the batch arithmetic, the estimated memory. Of a session that lacks
// inputs (Inputs::kAnnounced): which, and what can be said without them.
std::string DryRun(const Session& session);

// The same of a model of which only the description is there (config.json without weights, which is enough to see what it would need):
// the resolved configuration, the trained parameters and the memory, with prompts as long as they may be.
std::string DryRunOfShapes(const TrainConfig& config, const ModelConfig& model);
// Whether `path` is such a folder.
bool HoldsShapesAlone(const std::string& path);

// Bytes that training holds at its peak, roughly: base, adapter with optimiser, activations of the largest micro-batch, and
// for rl the sampler's cache.
struct MemoryEstimate {
  int64_t base = 0, adapter = 0, activations = 0, sampler = 0;
  int64_t total() const { return base + adapter + activations + sampler; }
};
MemoryEstimate EstimateMemory(const Session& session);
// Of an adapter with `trained` parameters and `ranks` ranks in all, and prompts of up to `longest_prompt` tokens.
MemoryEstimate EstimateMemory(const TrainConfig& config, const ModelConfig& model, int64_t trained, int64_t ranks, int64_t longest_prompt);

}  // namespace pith
