// The folder of `pith-run eval`: its results, and while it works its journal.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/eval_row.h"
#include "runtime/programs/output_folder.h"

namespace pith {

// UserError for a folder that holds the results of an earlier evaluation and may not replace them; a journal without `resume` to go on with it; `resume` without a journal.
void CheckEvalFolder(const std::string& out, bool resume, bool overwrite);

std::string EvalJournalPath(const std::string& out);

// The folder, made sure of that everything below can be written there.
OutputFolder MakeEvalFolder(const std::string& out);

struct EvalRecord {
  std::string title;       // "SmolLM2-135M-Instruct on gsm8k, svamp"
  std::string model;       // file name
  std::string command;     // how to make it again
  std::string run_json;    // run.json: the record of the machine
};

// All files or none. UserError where they cannot be written.
void WriteEvaluation(const OutputFolder& folder, const EvalRecord& record, const std::vector<EvaluatedSet>& sets);
std::string ReportPath(const OutputFolder& folder);

}  // namespace pith
