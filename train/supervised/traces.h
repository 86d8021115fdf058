// A teacher's own solutions: sampled once by the phone's engine, kept in a file, and learned from as any worked solution is.
//
// The file is a data set (JSON lines: id, question, answer, solution, tokens, correct), which grows problem by problem: a run that
// was broken off goes on where it stopped. Samples are named by (seed, problem, sample), so what is sampled depends neither on
// that nor on the batch.
#pragma once

#include <string>
#include <vector>

#include "train/session/session.h"
#include "train/supervised/sft.h"
#include "train/supervised/teacher.h"

namespace pith {

// RUN.traces.jsonl, unless the configuration names a file.
std::string TracesPath(const TrainConfig& config);

// Samples what the file lacks yet (the first rank does), and reads it: the kept traces of all problems as examples for the
// student. UserError when the file was made by another teacher or other settings, when none is kept, and for what MakeExamples()
// refuses. `quiet`: no progress bar.
std::vector<SftExample> MakeTraces(const Session& session, const Teacher& teacher, bool quiet);

}  // namespace pith
