#include "runtime/evaluation/eval_json.h"

#include <nlohmann/json.hpp>

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

Json KnownText(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <class T>
Json KnownNumber(const std::optional<T>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json BudgetJson(int64_t budget) { return budget > 0 ? Json(budget) : Json(nullptr); }

Json CurveJson(Curve curve) {
  if (curve == Curve::kBoth) return nullptr;
  return curve == Curve::kCut ? "cut" : "announced";
}

Json IntervalJson(const Interval& interval) { return {interval.low, interval.high}; }

Json RowJson(const EvalRow& row) {
  Json json = {{"mode", row.mode}, {"dataset", row.dataset}, {"budget", BudgetJson(row.budget)}, {"n", row.n},
               {"accuracy", row.accuracy}, {"accuracy_lenient", row.accuracy_lenient},
               {"accuracy_ci", {row.ci_low, row.ci_high}}, {"mean_tokens", row.mean_tokens},
               {"p95_tokens", row.p95_tokens}, {"forced_rate", row.forced_rate},
               {"truncated_rate", row.truncated_rate}, {"chains", row.chains}, {"seed", row.seed},
               {"pass_at_k", row.pass_at_k}, {"maj_at_k", row.maj_at_k}, {"ttft_ms", row.ttft_ms},
               {"tok_per_s", row.tok_per_s}, {"rss_mb", row.rss_mb},
               {"cut_rate", row.cut_rate}, {"accuracy_uncut", row.accuracy_uncut},
               {"adapter_sha256", KnownText(row.adapter_sha256)}, {"base_sha256", KnownText(row.base_sha256)},
               {"curve", CurveJson(row.curve)}, {"median_tokens", row.median_tokens}, {"tokens_per_correct", KnownNumber(row.tokens_per_correct)},
               {"near_ties", KnownNumber(row.near_ties)}, {"near_ties_per_1k", KnownNumber(row.near_ties_per_1k)}, {"resumed", row.resumed}};
  if (row.errors > 0) json["errors"] = row.errors;
  if (row.chains > 1) json["maj_at_k_ci"] = {row.maj_low, row.maj_high};
  if (row.weighted_at_k) {
    json["weighted_at_k"] = *row.weighted_at_k;
    json["weighted_at_k_ci"] = {row.weighted_low, row.weighted_high};
    json["score_auc"] = *row.score_auc;
    json["score_error"] = *row.score_error;
  }
  for (const EvalArm& arm : row.arms) json["arms"].push_back({{"arm", arm.name}, {"share", arm.share}});
  return json;
}

// A file's name, which a mode and a data set may bear, need not be UTF-8.
std::string Text(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string ResultsJson(const std::vector<EvaluatedSet>& sets) {
  Json list = Json::array();
  for (const EvaluatedSet& set : sets) {
    for (const EvalRow& row : set.rows) list.push_back(RowJson(row));
  }
  return Text(list, 1);
}

std::string BreakdownJson(const std::vector<EvaluatedSet>& sets) {
  Json list = Json::array();
  for (const EvaluatedSet& set : sets) {
    for (const EvalRow& row : set.rows) {
      for (const EvalGroup& group : BreakDown(row, set.problems)) {
        Json json = {{"group", group.group}, {"value", KnownText(group.value)}};
        json.update(RowJson(group.row));
        json["tok_per_s"] = nullptr;  // all groups were decoded together
        list.push_back(std::move(json));
      }
    }
  }
  return Text(list, 1);
}

std::string ComparisonsJson(const std::vector<EvaluatedSet>& sets) {
  Json list = Json::array();
  for (const EvaluatedSet& set : sets) {
    for (const RowComparison& c : CompareModes(set.rows)) {
      list.push_back({{"first", c.first}, {"second", c.second}, {"dataset", c.dataset}, {"budget", BudgetJson(c.budget)}, {"curve_first", CurveJson(c.curve_first)},
                      {"curve_second", CurveJson(c.curve_second)}, {"n", c.n}, {"chains", c.chains}, {"accuracy_first", c.accuracy_first}, {"accuracy_second", c.accuracy_second},
                      {"accuracy_difference", c.accuracy_difference}, {"accuracy_difference_ci", IntervalJson(c.accuracy_interval)},
                      {"only_first_right", KnownNumber(c.only_first)}, {"only_second_right", KnownNumber(c.only_second)},
                      {"mcnemar_p", KnownNumber(c.mcnemar_p)}, {"mean_tokens_first", c.tokens_first}, {"mean_tokens_second", c.tokens_second},
                      {"tokens_difference", c.tokens_difference}, {"tokens_difference_ci", IntervalJson(c.tokens_interval)}});
    }
  }
  return Text(list, 1);
}

std::string AnswersJsonl(const std::vector<EvaluatedSet>& sets) {
  std::string out;
  for (const EvaluatedSet& set : sets) {
    for (const EvalRow& row : set.rows) {
      for (const EvalAnswer& answer : row.answers) {
        const Problem& problem = set.problems[static_cast<size_t>(answer.problem)];
        Json line = {{"mode", row.mode}, {"dataset", row.dataset}, {"budget", BudgetJson(row.budget)}, {"curve", CurveJson(row.curve)},
                     {"problem", problem.id}, {"question", problem.question}, {"gold", problem.answer}, {"chain", answer.chain},
                     {"text", answer.text}, {"tokens", answer.tokens}, {"correct", answer.correct}, {"correct_lenient", answer.correct_lenient},
                     {"extracted", answer.extracted}, {"forced", answer.forced}, {"truncated", answer.truncated}, {"verdict", VerdictName(answer.verdict)}};
        if (answer.score) line["score"] = *answer.score;
        if (!answer.arm.empty()) line["arm"] = answer.arm;
        if (row.greedy) line["near_ties"] = answer.near_ties;
        if (!answer.reason.empty()) line["reason"] = answer.reason;
        out += Text(line, -1);
      }
    }
  }
  return out;
}

}  // namespace pith
