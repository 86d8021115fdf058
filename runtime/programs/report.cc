#include "runtime/programs/report.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "runtime/evaluation/stats.h"
#include "runtime/programs/report_chart.h"

namespace pith {
namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6878; --line: #d8dee6; --paper: #ffffff; --card: #f6f8fa;
  --good: #1a7f4b; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #98a4b3; --line: #333c48; --paper: #14181d;
  --card: #1c2229; --good: #58c48c; --bad: #ee8079; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 62rem;
  padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.sub, figcaption, .small { color: var(--soft); font-size: .87rem; } figure { margin: 1.2rem 0; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; } th:first-child, td:first-child { text-align: left; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .7rem; }
.answer { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
.answer pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; margin: .4rem 0 0; }
.right { color: var(--good); } .wrong { color: var(--bad); } details { margin: .8rem 0; } summary { cursor: pointer; }
code { background: var(--card); padding: .1rem .3rem; border-radius: 4px; overflow-wrap: anywhere; }
)css";

std::string Escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string Format(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string Percent(double share) { return Format("%.1f %%", 100 * share); }

std::string BudgetName(int64_t budget) { return budget ? std::to_string(budget) : "none"; }

std::string Table(const std::vector<EvalRow>& rows) {
  std::string out = "<div class=\"scroll\"><table><thead><tr><th>mode</th><th>budget</th><th>accuracy</th><th>95 % interval</th>"
                    "<th>lenient</th><th>mean tokens</th><th>p95</th><th>forced</th><th>ended by the limit</th><th>without an answer</th><th>accuracy of the others</th><th>tokens/s</th></tr></thead><tbody>\n";
  for (const EvalRow& row : rows) {
    out += Str("<tr><td>", Escape(row.mode), "</td><td>", BudgetName(row.budget), "</td><td>", Percent(row.accuracy), "</td><td>",
               Format("%.1f", 100 * row.ci_low), " – ", Format("%.1f", 100 * row.ci_high), "</td><td>",
               Percent(row.accuracy_lenient), "</td><td>", Format("%.1f", row.mean_tokens), "</td><td>",
               Format("%.0f", row.p95_tokens), "</td><td>", Percent(row.forced_rate), "</td><td>", Percent(row.truncated_rate),
               "</td><td>", Percent(row.cut_rate), "</td><td>", Percent(row.accuracy_uncut), "</td><td>", row.tok_per_s > 0 ? Format("%.0f", row.tok_per_s) : "–", "</td></tr>\n");
  }
  return out + "</tbody></table></div>\n";
}

std::string Comparisons(const std::vector<EvalRow>& rows) {
  const std::vector<RowComparison> pairs = CompareAdapters(rows);
  if (pairs.empty()) return "";
  std::string out = "<h2>Paired tests, without a budget</h2>\n<div class=\"scroll\"><table><thead><tr><th>from → to</th>"
                    "<th>mean tokens</th><th>accuracy</th><th>95 % interval</th><th>McNemar p</th></tr></thead><tbody>\n";
  for (const RowComparison& pair : pairs) {
    out += Str("<tr><td>", Escape(pair.first), " → ", Escape(pair.second), "</td><td>", Format("%+.1f %%", 100 * (pair.tokens_ratio - 1)),
               "</td><td>", Format("%+.1f points", 100 * pair.accuracy_difference), "</td><td>",
               Format("%+.1f", 100 * pair.difference_low), " to ", Format("%+.1f", 100 * pair.difference_high), "</td><td>",
               pair.mcnemar_p ? Format("%.3f", *pair.mcnemar_p) : "–", "</td></tr>\n");
  }
  return out + "</tbody></table></div>\n<p class=\"small\">The same problems answered by both: the difference of strict accuracy, "
               "its interval over paired differences, and McNemar's exact test on the problems where only one is right (of "
               "several chains the mean counts, and the test is left out).</p>\n";
}

std::string SideBySide(const std::vector<EvalRow>& rows, const std::vector<Problem>& problems) {
  constexpr size_t kShown = 12;
  std::string out = "<h2>Answers side by side</h2>\n<p class=\"sub\">The first problems of the set, not chosen; greedy or the first "
                    "chain, without a budget where one was run so.</p>\n";
  std::vector<const EvalRow*> shown;  // one row per mode
  for (const EvalRow& row : rows) {
    if (!shown.empty() && shown.back()->mode == row.mode) {
      if (row.budget == 0) shown.back() = &row;
    } else {
      shown.push_back(&row);
    }
  }
  for (size_t p = 0; p < std::min(kShown, problems.size()); ++p) {
    out += Str("<details", p < 4 ? " open" : "", "><summary>", Escape(problems[p].question), " <span class=\"small\">(answer: ",
               Escape(problems[p].answer), ")</span></summary>\n<div class=\"answers\">\n");
    for (const EvalRow* row : shown) {
      const EvalAnswer& answer = row->answers[p * static_cast<size_t>(row->chains)];
      const char* verdict = answer.correct ? "right" : answer.correct_lenient ? "right, unmarked"
                            : answer.verdict == Verdict::kCut ? "cut" : answer.verdict == Verdict::kError ? "not judged" : "wrong";
      out += Str("<div class=\"answer\"><b>", Escape(row->mode), "</b> <span class=\"small\">", answer.tokens, " tokens</span> <span class=\"",
                 answer.correct_lenient ? "right" : "wrong", "\">", verdict, "</span><pre>", Escape(answer.text), "</pre></div>\n");
    }
    out += "</div></details>\n";
  }
  return out;
}

// Problem by problem, the share of chains that are right.
std::vector<double> CorrectShares(const EvalRow& row) {
  PITH_CHECK_EQ(static_cast<int64_t>(row.answers.size()), row.n * row.chains);
  std::vector<double> shares(static_cast<size_t>(row.n));
  for (const EvalAnswer& answer : row.answers) shares[static_cast<size_t>(answer.problem)] += answer.correct ? 1.0 / row.chains : 0;
  return shares;
}

}  // namespace

RowComparison CompareRows(const EvalRow& first, const EvalRow& second) {
  PITH_CHECK_EQ(first.n, second.n);
  const std::vector<double> a = CorrectShares(first), b = CorrectShares(second);
  const PairedDifference difference = ComparePairs(a, b);
  std::optional<double> mcnemar_p;
  if (first.chains == 1 && second.chains == 1) {
    int64_t only_first = 0, only_second = 0;
    for (size_t p = 0; p < a.size(); ++p) {
      only_first += a[p] > b[p];
      only_second += b[p] > a[p];
    }
    mcnemar_p = McNemarExact(only_first, only_second);
  }
  return {first.mode, second.mode, first.mean_tokens > 0 ? second.mean_tokens / first.mean_tokens : 0, difference.mean,
          difference.interval.low, difference.interval.high, mcnemar_p};
}

std::vector<RowComparison> CompareAdapters(const std::vector<EvalRow>& rows) {
  std::vector<const EvalRow*> adapters;
  for (const EvalRow& row : rows) {
    if (row.budget == 0 && row.mode != "base") adapters.push_back(&row);
  }
  std::vector<RowComparison> pairs;
  for (size_t i = 0; i < adapters.size(); ++i) {
    for (size_t j = i + 1; j < adapters.size(); ++j) pairs.push_back(CompareRows(*adapters[i], *adapters[j]));
  }
  return pairs;
}

std::string ReportHtml(const ReportInfo& info, const std::vector<EvalRow>& rows, const std::vector<Problem>& problems) {
  std::string out = Str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
                        "<title>", Escape(info.title), "</title><style>", kStyle, "</style></head><body>\n<h1>", Escape(info.title),
                        "</h1>\n<p class=\"sub\">", problems.size(), " problems; base ", Escape(info.model),
                        ". Length counts every token after the generation prompt.</p>\n<figure>");
  out += AccuracyLengthChart(rows);
  out += "<figcaption>Accuracy (strict reading, 95 % interval) against mean tokens. A large mark: no budget. Small marks joined to "
         "it: the budgets, closed at decode time.</figcaption></figure>\n";
  out += Table(rows) + Comparisons(rows) + SideBySide(rows, problems);
  out += Str("<h2>Made by</h2>\n<p><code>", Escape(info.command), "</code></p>\n</body></html>\n");
  return out;
}

std::string ReportText(const std::vector<EvalRow>& rows) {
  char line[256];
  std::snprintf(line, sizeof line, "%-16s %7s %9s %15s %9s %8s %6s %8s %8s %8s\n", "mode", "budget", "accuracy", "95% interval", "lenient",
                "tokens", "p95", "forced", "at limit", "cut");
  std::string out = line;
  for (const EvalRow& row : rows) {
    std::snprintf(line, sizeof line, "%-16s %7s %8.1f%% %6.1f - %5.1f %8.1f%% %8.1f %6.0f %7.1f%% %7.1f%% %7.1f%%\n", row.mode.c_str(),
                  BudgetName(row.budget).c_str(), 100 * row.accuracy, 100 * row.ci_low, 100 * row.ci_high,
                  100 * row.accuracy_lenient, row.mean_tokens, row.p95_tokens, 100 * row.forced_rate, 100 * row.truncated_rate, 100 * row.cut_rate);
    out += line;
  }
  for (const RowComparison& pair : CompareAdapters(rows)) {
    std::snprintf(line, sizeof line, ": tokens %+.1f%%, accuracy %+.1f points (%+.1f to %+.1f)", 100 * (pair.tokens_ratio - 1),
                  100 * pair.accuracy_difference, 100 * pair.difference_low, 100 * pair.difference_high);
    out += pair.first + " -> " + pair.second + line;
    out += pair.mcnemar_p ? Format(", McNemar p = %.3f", *pair.mcnemar_p) + "\n" : "\n";
  }
  return out;
}

}  // namespace pith
