// What judges the completions of a run, by its configuration.
#pragma once

#include <memory>
#include <string>

#include "configs/train_config.h"
#include "rewards/verifiers.h"

namespace pith {

// Mathematics, and the judge of reward.verifier where there is one. `log`: the file that the stderr of its processes is appended to;
// empty: that of this process. Nothing is started before something is judged.
std::shared_ptr<Verifiers> MakeVerifiers(const TrainConfig& config, const std::string& log);
// Of what all ranks judge alike: the first rank asks the judge, the others hear of it. Its processes write to VerifierLog().
std::shared_ptr<Verifiers> MakeSharedVerifiers(const TrainConfig& config);
std::string VerifierLog(const TrainConfig& config);  // verifier.log in the run's folder

}  // namespace pith
