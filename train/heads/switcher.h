// stage: switcher. The base and a trained adapter, as it is shipped, answer the same problems; heads learn to tell from how the base reads a prompt who will be
// right, and at what length (adapters/switcher_head.h). The adapter's tensors stay what they are.
#pragma once

#include <string>

#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

inline constexpr char kSwitcherReport[] = "switcher_report.json";  // in the run's folder

// Answers, judges and fits in the run's folder; adapter/ is the adapter with its switcher. A run that is broken off goes on to the same end.
void RunSwitcher(const Session& session, const RunOptions& options);

// For a dry run: the arms, how much is answered, the memory that it takes, and the time, which is measured on the first problems.
std::string DescribeSwitcherRun(const Session& session);

}  // namespace pith
