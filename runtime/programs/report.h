// A self-contained HTML page of an evaluation: accuracy against length as a picture, tables, paired tests, answers
// side by side. No script, font or image is fetched: it opens offline.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/eval_row.h"

namespace pith {

struct ReportInfo {
  std::string title;    // "SmolLM2-135M-Instruct on synthetic"
  std::string model;    // file name
  std::string command;  // how to make this page again
  std::string run_json = {};  // run.json, whose goes are shown; empty: none are
};

std::string ReportHtml(const ReportInfo& info, const std::vector<EvaluatedSet>& sets);

// The table for a terminal, and one line per comparison: difference in accuracy and in tokens, paired tests.
std::string ReportText(const std::vector<EvaluatedSet>& sets);

}  // namespace pith
