// The proof that a finished adapter leaves the trainer with (adapters/proof.h).
#pragma once

#include <string>

#include "train/session/session.h"

namespace pith {

// Reads the adapter from its PEFT folder, computes its proof by the trainer's own forward pass in float32 and writes pith_proof.json beside it. Without one,
// with a word why, where float32 weights do not fit the memory that is left; none for a DoRA, which is no change by B·A. Then or in a folder without one,
// pith-export computes a proof.
void ProveAdapter(const Session& session, const std::string& folder);

}  // namespace pith
