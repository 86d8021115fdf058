#include "runtime/programs/eval_output.h"

#include "base/error.h"
#include "base/file.h"
#include "runtime/evaluation/eval_json.h"
#include "runtime/programs/report.h"
#include "runtime/programs/report_chart.h"

namespace pith {
namespace {

constexpr const char *kResults = "results.json", *kComparisons = "comparisons.json", *kBreakdown = "breakdown.json", *kAnswers = "answers.jsonl", *kRun = "run.json",
                     *kChart = "chart.svg", *kReport = "report.html";

std::vector<std::string> EvalFiles() { return {kResults, kComparisons, kBreakdown, kAnswers, kRun, kChart, kReport}; }

}  // namespace

std::string EvalJournalPath(const std::string& out) { return out + "/eval.journal"; }

void CheckEvalFolder(const std::string& out, bool resume, bool overwrite) {
  const bool begun = FileExists(EvalJournalPath(out));
  if (begun && !resume && !overwrite) {
    ThrowUser("eval: '", out, "' holds an evaluation that was broken off; go on with it by the same command and --resume, begin anew with --overwrite, or name another folder with --out");
  }
  if (resume && !begun) ThrowUser("eval: '", out, "' holds no evaluation that was broken off; start it without --resume");
  if (overwrite || begun) return;  // what was begun might replace them, or was killed while it wrote them
  for (const std::string& file : EvalFiles()) {  // hours of work may lie there
    if (!FileExists(out + "/" + file)) continue;
    ThrowUser("eval: '", out, "' holds the ", file, " of an earlier evaluation; name another folder with --out, or replace it with --overwrite");
  }
}

OutputFolder MakeEvalFolder(const std::string& out) { return OutputFolder(out, EvalFiles()); }

void WriteEvaluation(const OutputFolder& folder, const EvalRecord& record, const std::vector<EvaluatedSet>& sets) {
  folder.Write({{kResults, ResultsJson(sets)},
                {kComparisons, ComparisonsJson(sets)},
                {kBreakdown, BreakdownJson(sets)},
                {kAnswers, AnswersJsonl(sets)},
                {kRun, record.run_json},
                {kChart, AccuracyLengthSvgFile(sets)},
                {kReport, ReportHtml({record.title, record.model, record.command, record.run_json}, sets)}});
}

std::string ReportPath(const OutputFolder& folder) { return folder.Path(kReport); }

}  // namespace pith
