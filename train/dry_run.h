// --dry-run: what a run would do, as text for people. Writes nothing.
#pragma once

#include <string>

#include "train/session/session.h"

namespace pith {

// The resolved configuration, the first prompt rendered, the batch arithmetic, the memory (train/forecast/memory.h) against what the machine has left, and
// a step's time (train/forecast/time.h), which is measured: it takes some seconds where the model is large. Of a session that lacks inputs
// (Inputs::kAnnounced): which, and what can be said without them.
std::string DryRun(const Session& session);

// The same of a model of which only the description is there (config.json without weights, which is enough to see what it would need):
// the resolved configuration, the trained parameters and the memory, with prompts as long as they may be.
std::string DryRunOfShapes(const TrainConfig& config, const ModelConfig& model);
// Whether `path` is such a folder.
bool HoldsShapesAlone(const std::string& path);

}  // namespace pith
