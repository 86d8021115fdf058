#include "runtime/programs/report_tables.h"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "runtime/evaluation/comparison.h"
#include "runtime/programs/report_format.h"

namespace pith {
namespace {

// Rows of cells whose texts are HTML.
class HtmlTable {
 public:
  explicit HtmlTable(std::initializer_list<const char*> heads) {
    out_ = "<div class=\"scroll\"><table><thead><tr>";
    for (const char* head : heads) out_ += Str("<th>", head, "</th>");
    out_ += "</tr></thead><tbody>\n";
  }
  void Add(std::initializer_list<std::string> cells) {
    out_ += "<tr>";
    for (const std::string& cell : cells) out_ += Str("<td>", cell, "</td>");
    out_ += "</tr>\n";
  }
  std::string End() const { return out_ + "</tbody></table></div>\n"; }

 private:
  std::string out_;
};

const std::string kNone = "–";

std::string OrNone(const std::optional<double>& number, const char* format) { return number ? Format(format, *number) : kNone; }

std::string Range(double low, double high, const char* format, const char* between) { return Format(format, low) + between + Format(format, high); }

}  // namespace

std::string RowsTable(const std::vector<EvalRow>& rows) {
  HtmlTable table({"mode", "budget", "accuracy", "95 % interval", "lenient", "mean tokens", "median", "p95", "tokens per right answer", "forced", "ended by the limit",
                   "without an answer", "accuracy of the others", "near ties per 1,000 tokens", "tokens/s"});
  bool resumed = false;
  for (const EvalRow& row : rows) {
    resumed |= row.resumed;
    table.Add({EscapeHtml(row.mode), PointName(row.budget, row.curve), Percent(row.accuracy), Range(100 * row.ci_low, 100 * row.ci_high, "%.1f", " – "),
               Percent(row.accuracy_lenient), Format("%.1f", row.mean_tokens), Format("%.0f", row.median_tokens), Format("%.0f", row.p95_tokens),
               OrNone(row.tokens_per_correct, "%.0f"), Percent(row.forced_rate), Percent(row.truncated_rate), Percent(row.cut_rate), Percent(row.accuracy_uncut),
               OrNone(row.near_ties_per_1k, "%.1f"), (row.tok_per_s > 0 ? Format("%.0f", row.tok_per_s) : kNone) + (row.resumed ? " *" : "")});
  }
  return table.End() + (resumed ? "<p class=\"small\">* of several goes: the evaluation was broken off and gone on with.</p>\n" : "");
}

// Of rows with several chains: their votes.
std::string VotesTable(const std::vector<EvalRow>& rows) {
  HtmlTable table({"mode", "budget", "chains", "one chain (lenient)", "any right", "majority", "95 % interval", "weighted by scores", "95 % interval", "AUC of the scores",
                   "calibration error"});
  bool any = false;
  for (const EvalRow& row : rows) {
    if (row.chains == 1 && !row.weighted_at_k) continue;
    any = true;
    table.Add({EscapeHtml(row.mode), PointName(row.budget, row.curve), std::to_string(row.chains), Percent(row.accuracy_lenient), Percent(row.pass_at_k), Percent(row.maj_at_k),
               Range(100 * row.maj_low, 100 * row.maj_high, "%.1f", " – "), row.weighted_at_k ? Percent(*row.weighted_at_k) : kNone,
               row.weighted_at_k ? Range(100 * row.weighted_low, 100 * row.weighted_high, "%.1f", " – ") : kNone, OrNone(row.score_auc, "%.3f"), OrNone(row.score_error, "%.3f")});
  }
  return any ? "<h3>Votes</h3>\n" + table.End() : "";
}

std::string ArmsTable(const std::vector<EvalRow>& rows) {
  HtmlTable table({"mode", "who answered", "of the problems"});
  bool any = false;
  for (const EvalRow& row : rows) {
    for (const EvalArm& arm : row.arms) {
      any = true;
      table.Add({EscapeHtml(row.mode), EscapeHtml(arm.name), Percent(arm.share)});
    }
  }
  return any ? "<h3>The switcher's choices</h3>\n" + table.End() : "";
}

std::string ComparisonsTable(const std::vector<EvalRow>& rows) {
  const std::vector<RowComparison> pairs = CompareModes(rows);
  if (pairs.empty()) return "";
  HtmlTable table({"from → to", "budget", "accuracy", "95 % interval", "right alone", "McNemar p", "tokens", "95 % interval", "of the first's"});
  for (const RowComparison& pair : pairs) {
    const std::string alone = pair.only_first ? Str(*pair.only_first, " : ", *pair.only_second) : kNone;
    table.Add({EscapeHtml(pair.first) + " → " + EscapeHtml(pair.second), PairName(pair.budget, pair.curve_first, pair.curve_second), Format("%+.1f points", 100 * pair.accuracy_difference),
               Range(100 * pair.accuracy_interval.low, 100 * pair.accuracy_interval.high, "%+.1f", " to "), alone, OrNone(pair.mcnemar_p, "%.3f"),
               Format("%+.1f", pair.tokens_difference), Range(pair.tokens_interval.low, pair.tokens_interval.high, "%+.1f", " to "), Percent(pair.tokens_ratio)});
  }
  return "<h3>Paired comparisons</h3>\n" + table.End() +
         "<p class=\"small\">The same problems answered by both: the difference of strict accuracy with its interval (of one chain Newcombe's for paired shares, of "
         "several normal over the problems' means), the problems that only the first or only the second has right, and McNemar's exact test on these (of "
         "one chain). Each line is a test of its own: among twenty one is expected below 0.05 by chance.</p>\n";
}

std::string BreakdownTable(const EvaluatedSet& set) {
  HtmlTable table({"group", "mode", "budget", "problems", "accuracy", "95 % interval", "lenient", "mean tokens", "median", "p95", "tokens per right answer", "without an answer"});
  bool any = false;
  for (const EvalRow& row : set.rows) {
    for (const EvalGroup& group : BreakDown(row, set.problems)) {
      any = true;
      const EvalRow& part = group.row;
      table.Add({group.group + " " + (group.value.empty() ? kNone : EscapeHtml(group.value)), EscapeHtml(part.mode), PointName(part.budget, part.curve), std::to_string(part.n),
                 Percent(part.accuracy), Range(100 * part.ci_low, 100 * part.ci_high, "%.1f", " – "), Percent(part.accuracy_lenient), Format("%.1f", part.mean_tokens),
                 Format("%.0f", part.median_tokens), Format("%.0f", part.p95_tokens), OrNone(part.tokens_per_correct, "%.0f"), Percent(part.cut_rate)});
    }
  }
  return any ? "<details><summary>By domain and level</summary>\n" + table.End() + "</details>\n" : "";
}

std::string GoesTable(const std::string& run_json) {
  if (run_json.empty()) return "";
  const auto run = nlohmann::json::parse(run_json);
  const auto text = [](const nlohmann::json& value) { return value.is_null() ? kNone : EscapeHtml(value.is_string() ? value.get<std::string>() : value.dump()); };
  HtmlTable table({"processor", "CPUs", "threads", "instruction set", "memory", "kernel", "weights in memory at the start", "answers there", "started", "ended"});
  for (const auto& go : run.at("goes")) {
    const auto& share = go.at("pages_in_memory");
    table.Add({text(go.at("processor")), text(go.at("cpus")), text(go.at("threads")), text(go.at("instruction_set")), text(go.at("memory_mb")) + " MB", text(go.at("kernel")),
               share.is_null() ? kNone : Percent(share.get<double>()) + " (" + text(go.at("start")) + ")", text(go.at("answers_before")), text(go.at("started")), text(go.at("ended"))});
  }
  std::string types;
  for (const auto& [type, bytes] : run.at("model").at("weights").items()) types += (types.empty() ? "" : ", ") + type;
  return table.End() + Str("<p class=\"small\">Weights ", types, "; activations ", text(run.at("activations")), "; keys and values ", text(run.at("kv")), "; pith ",
                           text(run.at("pith").at("version")), " ", text(run.at("pith").at("commit")), ".</p>\n");
}

}  // namespace pith
