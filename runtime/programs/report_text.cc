// The report for a terminal.
#include <cstdio>

#include "base/error.h"
#include "runtime/evaluation/comparison.h"
#include "runtime/programs/report.h"
#include "runtime/programs/report_format.h"

namespace pith {

std::string ReportText(const std::vector<EvaluatedSet>& sets) {
  char line[256];
  std::string out;
  for (const EvaluatedSet& set : sets) {
    if (sets.size() > 1) out += Str(out.empty() ? "" : "\n", set.dataset, ", ", set.problems.size(), " problems\n");
    std::snprintf(line, sizeof line, "%-16s %10s %9s %15s %9s %8s %8s %6s %9s %8s %8s %8s\n", "mode", "budget", "accuracy", "95% interval", "lenient",
                  "tokens", "median", "p95", "per right", "forced", "at limit", "cut");
    out += line;
    for (const EvalRow& row : set.rows) {
      const std::string per_right = row.tokens_per_correct ? Format("%.0f", *row.tokens_per_correct) : "-";
      std::snprintf(line, sizeof line, "%-16s %10s %8.1f%% %6.1f - %5.1f %8.1f%% %8.1f %8.0f %6.0f %9s %7.1f%% %7.1f%% %7.1f%%\n", row.mode.c_str(),
                    PointName(row.budget, row.curve).c_str(), 100 * row.accuracy, 100 * row.ci_low, 100 * row.ci_high, 100 * row.accuracy_lenient, row.mean_tokens,
                    row.median_tokens, row.p95_tokens, per_right.c_str(), 100 * row.forced_rate, 100 * row.truncated_rate, 100 * row.cut_rate);
      out += line;
    }
    for (const EvalRow& row : set.rows) {
      if (row.chains == 1 && !row.weighted_at_k) continue;
      out += row.mode + (row.budget > 0 ? ", budget " + PointName(row.budget, row.curve) : "") + Str(": of ", row.chains, " chains");
      std::snprintf(line, sizeof line, ", majority %.1f%% (%.1f - %.1f)", 100 * row.maj_at_k, 100 * row.maj_low, 100 * row.maj_high);
      out += line;
      if (row.weighted_at_k) {
        std::snprintf(line, sizeof line, ", weighted by scores %.1f%% (%.1f - %.1f); scores: AUC %.3f, calibration error %.3f", 100 * *row.weighted_at_k, 100 * row.weighted_low,
                      100 * row.weighted_high, *row.score_auc, *row.score_error);
        out += line;
      }
      out += "\n";
    }
    for (const EvalRow& row : set.rows) {
      if (row.arms.empty()) continue;
      out += row.mode + ":";
      for (const EvalArm& arm : row.arms) out += (&arm == row.arms.data() ? " " : ", ") + arm.name + Format(" %.1f%%", 100 * arm.share);
      out += " of the problems\n";
    }
    for (const RowComparison& pair : CompareModes(set.rows)) {
      std::snprintf(line, sizeof line, ": accuracy %+.1f points (%+.1f to %+.1f), tokens %+.1f (%+.1f to %+.1f)", 100 * pair.accuracy_difference,
                    100 * pair.accuracy_interval.low, 100 * pair.accuracy_interval.high, pair.tokens_difference, pair.tokens_interval.low, pair.tokens_interval.high);
      out += pair.first + " -> " + pair.second + (pair.budget > 0 ? ", budget " + PairName(pair.budget, pair.curve_first, pair.curve_second) : "") + line;
      out += pair.mcnemar_p ? Format(", McNemar p = %.3f", *pair.mcnemar_p) + "\n" : "\n";
    }
  }
  return out;
}

}  // namespace pith
