// A self-contained HTML page of an evaluation: accuracy against length as a picture, the table, paired tests, answers
// side by side. No script, font or image is fetched: it opens offline.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "runtime/evaluation/eval.h"

namespace pith {

struct ReportInfo {
  std::string title;    // "SmolLM2-135M-Instruct on synthetic"
  std::string model;    // file name
  std::string command;  // how to make this page again
};

std::string ReportHtml(const ReportInfo& info, const std::vector<EvalRow>& rows, const std::vector<Problem>& problems);

// The table for a terminal, and one line per pair of adapters: difference in accuracy and in tokens, paired tests.
std::string ReportText(const std::vector<EvalRow>& rows);

// Paired comparison of two rows over the same problems, strict reading. With several chains a problem counts by its mean
// over them, and there is no McNemar test, which wants one answer each.
struct RowComparison {
  std::string first, second;
  double tokens_ratio;                  // mean tokens of second / first
  double accuracy_difference;           // second − first
  double difference_low, difference_high;
  std::optional<double> mcnemar_p;
};
RowComparison CompareRows(const EvalRow& first, const EvalRow& second);
// Every pair of adapters (not the base) without a budget, in the order of the rows.
std::vector<RowComparison> CompareAdapters(const std::vector<EvalRow>& rows);

}  // namespace pith
