#include "train/heads/fit_switcher.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "runtime/evaluation/score_stats.h"
#include "train/heads/honest_fit.h"
#include "train/heads/ridge.h"
#include "train/heads/standardised.h"

namespace pith {
namespace {

using ReportJson = nlohmann::ordered_json;

constexpr int kCurvePoints = 17;

// One arm's answers to some of the problems, a row for each sample.
LogisticData AnswersOf(const ArmOutcomes& data, const std::vector<size_t>& problems, size_t arm) {
  LogisticData out;
  out.width = data.width;
  for (const size_t i : problems) {
    for (size_t s = 0; s < data.samples; ++s) {
      out.x.insert(out.x.end(), data.x.begin() + static_cast<std::ptrdiff_t>(i * data.width), data.x.begin() + static_cast<std::ptrdiff_t>((i + 1) * data.width));
      out.right.push_back(data.right[(i * data.num_arms + arm) * data.samples + s]);
      out.group.push_back(data.group[i]);
    }
  }
  return out;
}

// Whether each fold's complement has answers of both outcomes.
bool CanCrossValidate(const LogisticData& data) {
  const std::vector<int> fold_of = FoldsOf(data.group, kFitFolds);
  for (int fold = 0; fold < kFitFolds; ++fold) {
    size_t rows = 0, right = 0;
    for (size_t i = 0; i < data.size(); ++i) {
      if (fold_of[i] == fold) continue;
      ++rows;
      right += data.right[i] != 0;
    }
    if (right == 0 || right == rows) return false;
  }
  return true;
}

struct ArmFit {
  SwitchArm arm;
  bool constant = false;
  double l2 = 0, token_l2 = 0, token_error = 0;
  std::vector<double> unseen_chance, unseen_tokens;  // by problem: of fits that had not seen it
};

ArmFit FitArm(const ArmOutcomes& data, const std::vector<size_t>& problems, const SwitchArm& named, size_t arm, const SwitchSettings& settings) {
  ArmFit fit;
  fit.arm = named;
  const LogisticData answers = AnswersOf(data, problems, arm);
  const auto num_right = static_cast<double>(std::count_if(answers.right.begin(), answers.right.end(), [](uint8_t r) { return r != 0; }));
  std::vector<double> unseen(answers.size());
  fit.constant = !CanCrossValidate(answers);
  if (fit.constant) {  // Laplace's rule of succession
    const double share = (num_right + 1) / (static_cast<double>(answers.size()) + 2);
    fit.arm.right = {std::vector<float>(data.width, 0.0f), static_cast<float>(std::log(share / (1 - share)))};
    std::fill(unseen.begin(), unseen.end(), std::log(share / (1 - share)));
  } else {
    HonestFit honest = FitHonest(answers, settings.l2);
    fit.arm.right = honest.head;
    fit.l2 = honest.l2;
    unseen = std::move(honest.unseen);
  }
  RidgeData lengths;
  lengths.width = data.width;
  for (const size_t i : problems) {
    lengths.x.insert(lengths.x.end(), data.x.begin() + static_cast<std::ptrdiff_t>(i * data.width), data.x.begin() + static_cast<std::ptrdiff_t>((i + 1) * data.width));
    double sum = 0;
    for (size_t s = 0; s < data.samples; ++s) sum += static_cast<double>(data.tokens[(i * data.num_arms + arm) * data.samples + s]);
    lengths.y.push_back(sum / static_cast<double>(data.samples));
    lengths.group.push_back(data.group[i]);
  }
  const RidgeChoice choice = ChooseRidge(lengths, kFitFolds);
  fit.arm.tokens = FitRidge(lengths, choice.l2);
  fit.token_l2 = choice.l2;
  fit.token_error = std::sqrt(choice.mean_squared_error);
  const auto [least, most] = std::minmax_element(lengths.y.begin(), lengths.y.end());
  fit.arm.least_tokens = static_cast<float>(*least);
  fit.arm.most_tokens = static_cast<float>(*most);
  for (size_t p = 0; p < problems.size(); ++p) {  // all samples of a problem are in its fold: one logit
    fit.unseen_chance.push_back(Probability(unseen[p * data.samples]));
    fit.unseen_tokens.push_back(std::clamp(choice.unseen[p], *least, *most));
  }
  return fit;
}

// What came of `problems`, beside what `chance` and `expected` (by problem and arm) say of it.
RouteTable TableOf(const ArmOutcomes& data, const std::vector<size_t>& problems) {
  RouteTable table;
  table.num_arms = data.num_arms;
  for (const size_t i : problems) {
    for (size_t k = 0; k < data.num_arms; ++k) {
      double right = 0, tokens = 0;
      for (size_t s = 0; s < data.samples; ++s) {
        right += data.right[(i * data.num_arms + k) * data.samples + s] != 0;
        tokens += static_cast<double>(data.tokens[(i * data.num_arms + k) * data.samples + s]);
      }
      table.right.push_back(right / static_cast<double>(data.samples));
      table.tokens.push_back(tokens / static_cast<double>(data.samples));
    }
  }
  return table;
}

ReportJson IntervalJson(const Interval& interval) { return {interval.low, interval.high}; }

ReportJson ComparisonJson(const LotComparison& c, double price) {
  return {{"price", price}, {"accuracy", c.choice.accuracy}, {"accuracy_ci", IntervalJson(c.accuracy)}, {"mean_tokens", c.choice.tokens}, {"mean_tokens_ci", IntervalJson(c.tokens)},
          {"random_accuracy", c.lot}, {"random_accuracy_ci", IntervalJson(c.lot_interval)}, {"difference", c.difference}, {"difference_ci", IntervalJson(c.difference_interval)}};
}

// Of each source of a mix: what its problems cost each arm, and who answers them.
ReportJson SourcesJson(const ArmOutcomes& data, const std::vector<size_t>& problems, const RouteTable& table, double price, const std::vector<SwitchArm>& arms) {
  std::map<std::string, std::vector<size_t>> rows;  // of the table
  for (size_t r = 0; r < problems.size(); ++r) rows[data.source[problems[r]]].push_back(r);
  ReportJson out = ReportJson::object();
  for (const auto& [source, of] : rows) {
    if (source.empty()) continue;
    const double n = static_cast<double>(of.size());
    std::vector<double> right(arms.size()), tokens(arms.size()), share(arms.size());
    double chosen_right = 0, chosen_tokens = 0;
    for (const size_t r : of) {
      for (size_t k = 0; k < arms.size(); ++k) {
        right[k] += table.right[r * arms.size() + k] / n;
        tokens[k] += table.tokens[r * arms.size() + k] / n;
      }
      const size_t k = table.ChosenArm(r, price);
      share[k] += 1 / n;
      chosen_right += table.right[r * arms.size() + k] / n;
      chosen_tokens += table.tokens[r * arms.size() + k] / n;
    }
    ReportJson& json = out[source] = {{"problems", of.size()}, {"accuracy", chosen_right}, {"mean_tokens", chosen_tokens}};
    for (size_t k = 0; k < arms.size(); ++k) json["arms"][arms[k].name] = {{"accuracy", right[k]}, {"mean_tokens", tokens[k]}, {"share", share[k]}};
  }
  return out;
}

std::vector<Scored> ScoresOfArm(const ArmOutcomes& data, const std::vector<size_t>& problems, const RouteTable& table, size_t arm) {
  std::vector<Scored> scored;
  for (size_t r = 0; r < problems.size(); ++r) {
    for (size_t s = 0; s < data.samples; ++s) {
      scored.push_back({table.chance[r * data.num_arms + arm], data.right[(problems[r] * data.num_arms + arm) * data.samples + s] != 0});
    }
  }
  return scored;
}

double RootMeanSquare(const RouteTable& table, size_t arm) {
  double sum = 0;
  for (size_t r = 0; r < table.size(); ++r) {
    const double off = table.expected[r * table.num_arms + arm] - table.tokens[r * table.num_arms + arm];
    sum += off * off;
  }
  return std::sqrt(sum / static_cast<double>(table.size()));
}

}  // namespace

FittedSwitcher FitSwitcher(const ArmOutcomes& data, const std::vector<SwitchArm>& arms, const SwitchSettings& settings, uint64_t seed) {
  PITH_CHECK(arms.size() == data.num_arms && data.right.size() == data.size() * data.num_arms * data.samples && data.x.size() == data.size() * data.width, data.size());
  const std::vector<int64_t> held = HeldOutProblems(data.group, settings.held_out, seed, "a switcher");
  std::vector<size_t> fit_problems, held_problems;
  for (size_t i = 0; i < data.size(); ++i) (std::binary_search(held.begin(), held.end(), data.group[i]) ? held_problems : fit_problems).push_back(i);

  FittedSwitcher out;
  RouteTable unseen = TableOf(data, fit_problems), held_table = TableOf(data, held_problems);
  unseen.chance.resize(unseen.right.size());
  unseen.expected.resize(unseen.right.size());
  bool any_tells = false;
  Metrics& m = out.metrics;
  for (size_t k = 0; k < arms.size(); ++k) {
    const ArmFit fit = FitArm(data, fit_problems, arms[k], k, settings);
    any_tells |= !fit.constant;
    for (size_t r = 0; r < fit_problems.size(); ++r) {
      unseen.chance[r * arms.size() + k] = fit.unseen_chance[r];
      unseen.expected[r * arms.size() + k] = fit.unseen_tokens[r];
    }
    out.head.arms.push_back(fit.arm);
    const std::string name = "fit/" + arms[k].name;
    m.push_back({name + "/l2", fit.l2});
    m.push_back({name + "/tokens_l2", fit.token_l2});
    m.push_back({name + "/tokens_rmse", fit.token_error});
  }
  if (!any_tells) {
    ThrowUser("each arm of the switcher is right always, or never, on the ", fit_problems.size(), " problems that it was to be fitted on, so there is nothing to tell apart; take problems that are now and then solved");
  }
  for (const size_t i : held_problems) {
    const SwitchChoice said = ChooseArm(out.head, 0, std::span(data.x).subspan(i * data.width, data.width));
    held_table.chance.insert(held_table.chance.end(), said.right.begin(), said.right.end());
    held_table.expected.insert(held_table.expected.end(), said.tokens.begin(), said.tokens.end());
  }

  Spent best = OfArm(unseen, 0);
  for (size_t k = 1; k < arms.size(); ++k) {
    const Spent arm = OfArm(unseen, k);
    if (arm.accuracy > best.accuracy || (arm.accuracy == best.accuracy && arm.tokens < best.tokens)) best = arm;
  }
  SwitcherFit& f = out.head.fit;
  f.target_tokens = settings.cost > 0 ? settings.cost : best.tokens;
  out.head.price = SolvePrice(unseen, f.target_tokens);
  out.head.curve = PriceCurve(unseen, kCurvePoints);
  f.type = settings.type;
  f.activations = settings.activations;
  f.kv_type = settings.kv_type;
  f.max_tokens = settings.max_tokens;
  f.fit_problems = static_cast<int64_t>(fit_problems.size());
  f.held_out_problems = static_cast<int64_t>(held_problems.size());
  const LotComparison chosen = CompareWithLot(held_table, out.head.price, seed);
  f.accuracy = chosen.choice.accuracy;
  f.mean_tokens = chosen.choice.tokens;
  f.random_accuracy = chosen.lot;
  f.difference_low = chosen.difference_interval.low;
  f.difference_high = chosen.difference_interval.high;
  const Spent on_unseen = RouteAt(unseen, out.head.price);
  m.insert(m.end(), {{"fit/problems", static_cast<double>(f.fit_problems)}, {"fit/price", out.head.price}, {"fit/target_tokens", f.target_tokens}, {"fit/mean_tokens", on_unseen.tokens},
                     {"fit/accuracy", on_unseen.accuracy}, {"held_out/problems", static_cast<double>(f.held_out_problems)}, {"held_out/accuracy", f.accuracy},
                     {"held_out/mean_tokens", f.mean_tokens}, {"held_out/random_accuracy", f.random_accuracy}, {"held_out/difference", chosen.difference},
                     {"held_out/difference_low", f.difference_low}, {"held_out/difference_high", f.difference_high}});
  const std::vector<double> shares = SharesAt(held_table, out.head.price);
  double any = 0;
  for (size_t r = 0; r < held_table.size(); ++r) {
    const auto right = held_table.row(held_table.right, r);
    any += *std::max_element(right.begin(), right.end()) / static_cast<double>(held_table.size());
  }
  m.push_back({"held_out/oracle_accuracy", any});  // of who always chose an arm that is right, where one is
  ReportJson arms_json = ReportJson::object();
  for (size_t k = 0; k < arms.size(); ++k) {
    const std::vector<Scored> scored = ScoresOfArm(data, held_problems, held_table, k);
    const Spent alone = OfArm(held_table, k);
    f.arm_accuracy.push_back(alone.accuracy);
    f.arm_tokens.push_back(alone.tokens);
    f.arm_auc.push_back(AucOf(scored));
    f.arm_calibration_error.push_back(CalibrationError(scored));
    const std::string name = "held_out/" + arms[k].name;
    m.insert(m.end(), {{name + "/accuracy", alone.accuracy}, {name + "/mean_tokens", alone.tokens}, {name + "/auc", f.arm_auc.back()}, {name + "/calibration_error", f.arm_calibration_error.back()},
                       {name + "/log_loss", LogLoss(scored)}, {name + "/tokens_rmse", RootMeanSquare(held_table, k)}, {name + "/share", shares[k]}});
    ReportJson bins = ReportJson::array();
    for (const ReliabilityBin& bin : Reliability(scored)) bins.push_back({{"count", bin.count}, {"mean_score", bin.mean_score}, {"right_share", bin.right_share}});
    arms_json[arms[k].name] = {{"accuracy", alone.accuracy}, {"mean_tokens", alone.tokens}, {"reliability", bins}};
  }

  ReportJson report;
  for (const auto& [name, value] : m) report[name] = value;
  report["choice"] = ComparisonJson(chosen, out.head.price);
  report["curve"] = ReportJson::array();
  for (const SwitchPoint& p : out.head.curve) {
    ReportJson point = ComparisonJson(CompareWithLot(held_table, p.price, seed), p.price);
    const std::vector<double> of = SharesAt(held_table, p.price);
    for (size_t k = 0; k < arms.size(); ++k) point["shares"][arms[k].name] = of[k];
    report["curve"].push_back(point);
  }
  report["arms"] = arms_json;
  report["sources"] = SourcesJson(data, held_problems, held_table, out.head.price, arms);
  out.report = report.dump(1) + "\n";
  return out;
}

}  // namespace pith
