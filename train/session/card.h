// What a run knows about the adapter that it trains, for the adapter's card.
#pragma once

#include <string>

#include "adapters/card.h"
#include "train/session/session.h"

namespace pith {

// The recipe, the base, the parent and the hashes; how many steps were made and how it did is known at the end only
// (train/run/card_curve.h). Where the run lies, what it logs and the time leave no trace in it.
AdapterCard CardOf(const Session& session);

// SHA-256 over the problems' ids, questions, answers and solutions.
std::string ProblemsHash(const Session& session);

}  // namespace pith
