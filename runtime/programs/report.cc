#include "runtime/programs/report.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "runtime/programs/report_chart.h"
#include "runtime/programs/report_format.h"
#include "runtime/programs/report_tables.h"

namespace pith {
namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6878; --line: #d8dee6; --paper: #ffffff; --card: #f6f8fa;
  --good: #1a7f4b; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #98a4b3; --line: #333c48; --paper: #14181d;
  --card: #1c2229; --good: #58c48c; --bad: #ee8079; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 62rem;
  padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
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
std::string SideBySide(const EvaluatedSet& set) {
  constexpr size_t kShown = 12;
  std::string out = "<h3>Answers side by side</h3>\n<p class=\"sub\">The first problems of the set, not chosen; greedy or the first "
                    "chain, without a budget where one was run so.</p>\n";
  std::vector<const EvalRow*> shown;  // one row per mode
  for (const EvalRow& row : set.rows) {
    if (!shown.empty() && shown.back()->mode == row.mode) {
      if (row.budget == 0) shown.back() = &row;
    } else {
      shown.push_back(&row);
    }
  }
  const std::vector<Problem>& problems = set.problems;
  for (size_t p = 0; p < std::min(kShown, problems.size()); ++p) {
    out += Str("<details", p < 4 ? " open" : "", "><summary>", EscapeHtml(problems[p].question), " <span class=\"small\">(answer: ",
               EscapeHtml(problems[p].answer), ")</span></summary>\n<div class=\"answers\">\n");
    for (const EvalRow* row : shown) {
      const EvalAnswer& answer = row->answers[p * static_cast<size_t>(row->chains)];
      const char* verdict = answer.correct ? "right" : answer.correct_lenient ? "right, unmarked"
                            : answer.verdict == Verdict::kCut ? "cut" : answer.verdict == Verdict::kError ? "not judged" : "wrong";
      out += Str("<div class=\"answer\"><b>", EscapeHtml(row->mode), "</b> <span class=\"small\">", answer.tokens, " tokens</span> <span class=\"",
                 answer.correct_lenient ? "right" : "wrong", "\">", verdict, "</span><pre>", EscapeHtml(answer.text), "</pre></div>\n");
    }
    out += "</div></details>\n";
  }
  return out;
}

bool AnyTold(const std::vector<EvaluatedSet>& sets) {
  return std::any_of(sets.begin(), sets.end(), [](const EvaluatedSet& set) {
    return std::any_of(set.rows.begin(), set.rows.end(), [](const EvalRow& row) { return row.curve == Curve::kAnnounced; });
  });
}

}  // namespace

std::string ReportHtml(const ReportInfo& info, const std::vector<EvaluatedSet>& sets) {
  size_t problems = 0;
  for (const EvaluatedSet& set : sets) problems += set.problems.size();
  std::string out = Str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
                        "<title>", EscapeHtml(info.title), "</title><style>", kStyle, "</style></head><body>\n<h1>", EscapeHtml(info.title),
                        "</h1>\n<p class=\"sub\">", problems, " problems; base ", EscapeHtml(info.model),
                        ". Length counts every token after the generation prompt.</p>\n");
  const std::string caption = Str("Accuracy (strict reading, 95 % interval) against mean tokens. A large mark: no budget. Small marks joined to it: the budgets, closed at decode time",
                                  AnyTold(sets) ? ", of which the model knew nothing. Squares on a broken line: the budget was told to the model." : ".");
  for (const EvaluatedSet& set : sets) {
    if (sets.size() > 1) out += Str("<h2>", EscapeHtml(set.dataset), " <span class=\"small\">", set.problems.size(), " problems</span></h2>\n");
    out += "<figure>" + AccuracyLengthChart(set.rows) + "<figcaption>" + caption + "</figcaption></figure>\n";
    out += RowsTable(set.rows) + VotesTable(set.rows) + ArmsTable(set.rows) + ComparisonsTable(set.rows) + BreakdownTable(set) + SideBySide(set);
  }
  out += "<h2>Made by</h2>\n<p><code>" + EscapeHtml(info.command) + "</code></p>\n" + GoesTable(info.run_json);
  return out + "</body></html>\n";
}

}  // namespace pith
