// What ranks tell each other in a step: completions, and gradients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/generation/generate.h"
#include "train/model/model.h"
#include "train/ranks/ranks.h"

namespace pith {

// groups[g] of every place g that this rank owns becomes groups[g] of all ranks; the others are overwritten. `stats` becomes
// the sum over ranks (seconds: the longest).
void ExchangeGroups(const Ranks& ranks, std::vector<std::vector<Completion>>* groups, GenerateStats* stats);

// The parameters' gradients become their sums over all of the model's ranks.
void SumGradients(const Model& model);

// As bytes of this machine, all fields; the second reads what the first wrote.
std::string PackCompletions(const std::vector<Completion>& completions);
std::vector<Completion> UnpackCompletions(const std::string& bytes, size_t* at);

}  // namespace pith
