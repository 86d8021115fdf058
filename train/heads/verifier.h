// stage: verifier. Answers of a trained adapter, as it is shipped, are judged; a head learns to read from the hidden state behind a check whether an answer is
// right (adapters/verifier_head.h). The adapter's tensors stay what they are.
#pragma once

#include <string>

#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

inline constexpr char kVerifierReport[] = "verifier_report.json";  // in the run's folder

// Samples, judges and fits in the run's folder; adapter/ is the adapter with its verifier. A run that is broken off goes on to the same end.
void RunVerifier(const Session& session, const RunOptions& options);

// For a dry run: what would be asked, how much of it, the memory that it takes, and the time, which is measured on the first problems.
std::string DescribeVerifierRun(const Session& session);

}  // namespace pith
