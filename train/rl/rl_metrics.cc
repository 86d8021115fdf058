#include "train/rl/rl_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "configs/data_sources.h"

namespace pith {
namespace {

// What of a mean nobody measured is left out: a step without right answers has no length of right answers.
struct Sum {
  double sum = 0, n = 0;
  void Add(double value) {
    sum += value;
    ++n;
  }
  void AppendTo(Metrics& metrics, const std::string& name) const {
    if (n > 0) metrics.emplace_back(name, sum / n);
  }
};

Metrics LengthMetrics(const TrainConfig& config, const Groups& groups, const Paid& paid) {
  struct UnderBudget {
    Sum length, accuracy, within;
  };
  Sum right, wrong, repetition, after_close, within, forced, thinking, answer;
  std::map<int64_t, UnderBudget> by_budget;
  size_t sample = 0;
  for (const auto& group : groups) {
    for (const Completion& c : group) {
      const auto tokens = static_cast<double>(c.tokens.size());
      const int64_t budget = paid.budgets[sample];
      const bool ended = config.rollout.close != "forced" || (c.forced_begin < 0 && c.finish != Finish::kLength);  // by itself, not by B
      if (!paid.results[sample].failed) (paid.results[sample].right ? right : wrong).Add(tokens);
      repetition.Add(paid.measures[sample].repetition);
      after_close.Add(static_cast<double>(paid.measures[sample].after_close));
      if (budget > 0) within.Add(ended && tokens <= static_cast<double>(budget));
      if (!config.budget.choices.empty()) {
        UnderBudget& under = by_budget[budget];
        under.length.Add(tokens);
        if (!paid.results[sample].failed) under.accuracy.Add(paid.results[sample].judged.strict.right());
        if (budget > 0) under.within.Add(ended && tokens <= static_cast<double>(budget));
      }
      forced.Add(c.forced_begin >= 0);
      thinking.Add(static_cast<double>(c.usage.thinking_tokens));
      answer.Add(static_cast<double>(c.usage.answer_tokens));
      ++sample;
    }
  }
  Metrics m;
  right.AppendTo(m, "length/right");
  wrong.AppendTo(m, "length/wrong");
  repetition.AppendTo(m, "completions/repetition");
  after_close.AppendTo(m, "completions/after_close");
  within.AppendTo(m, "budget/within");
  for (const auto& [budget, under] : by_budget) {
    under.length.AppendTo(m, Str("length/by_budget/", budget));
    under.accuracy.AppendTo(m, Str("accuracy/by_budget/", budget));
    under.within.AppendTo(m, Str("budget/within/", budget));
  }
  if (config.rollout.close == "forced") {
    forced.AppendTo(m, "completions/forced_ratio");
    thinking.AppendTo(m, "length/thinking");
    answer.AppendTo(m, "length/answer");
  }
  return m;
}

}  // namespace

Metrics RewardMetrics(const TrainConfig& config, const RewardFunction& reward, const Groups& groups, const Paid& paid) {
  const auto n = static_cast<double>(paid.results.size());
  double judged = 0;  // what the verifier failed on says nothing of rewards and accuracy
  double mean = 0, squares = 0, strict = 0, lenient = 0, cut = 0, length = 0, truncated = 0, min = 1e18, max = 0, ended_length = 0;
  double flat = 0, outcome = 0, shaping = 0, ended_min = 1e18, ended_max = 0;
  std::vector<double> terms(reward.term_names().size(), 0.0), term_squares(terms);
  size_t sample = 0;
  for (const auto& group : groups) {
    bool same = true;
    std::optional<double> first_reward;
    for (const Completion& c : group) {
      const RewardResult& r = paid.results[sample++];
      const auto tokens = static_cast<double>(c.tokens.size());
      if (!r.failed) {
        ++judged;
        if (!first_reward) first_reward = r.reward;
        same &= r.reward == *first_reward;
        mean += r.reward;
        squares += r.reward * r.reward;
        outcome += r.outcome;
        shaping += r.shaping;
        strict += r.judged.strict.right();
        lenient += r.judged.lenient.right();
        cut += r.judged.strict.verdict == Verdict::kCut;
      }
      length += tokens;
      min = std::min(min, tokens);
      max = std::max(max, tokens);
      truncated += c.finish == Finish::kLength;
      if (c.finish != Finish::kLength) {
        ended_length += tokens;
        ended_min = std::min(ended_min, tokens);
        ended_max = std::max(ended_max, tokens);
      }
      for (size_t t = 0; t < terms.size() && t < r.terms.size(); ++t) {
        terms[t] += r.terms[t];
        term_squares[t] += r.terms[t] * r.terms[t];
      }
    }
    flat += same;
  }
  const double known = std::max(1.0, judged);
  mean /= known;
  const auto deviation = [&](double sum_of_squares, double mean_of_all) {
    return std::sqrt(std::max(0.0, (sum_of_squares - judged * mean_of_all * mean_of_all) / std::max(1.0, judged - 1)));
  };
  const auto num_groups = static_cast<double>(groups.size());
  Metrics m = {{"reward", mean},
               {"reward_std", deviation(squares, mean)},
               {"reward/outcome", outcome / known},
               {"reward/shaping", shaping / known},
               {"frac_reward_zero_std", flat / num_groups},
               {"accuracy", strict / known},
               {"accuracy_lenient", lenient / known},
               {"completions/cut_ratio", cut / known},
               {"completions/mean_length", length / n},
               {"completions/min_length", min},
               {"completions/max_length", max},
               {"completions/clipped_ratio", truncated / n},
               {"completions/mean_terminated_length", truncated < n ? ended_length / (n - truncated) : 0.0},
               {"completions/min_terminated_length", truncated < n ? ended_min : 0.0},
               {"completions/max_terminated_length", ended_max}};
  for (size_t t = 0; t < terms.size(); ++t) {
    m.emplace_back("rewards/" + reward.term_names()[t] + "/mean", terms[t] / known);
    m.emplace_back("rewards/" + reward.term_names()[t] + "/std", deviation(term_squares[t], terms[t] / known));
  }
  if (judged < n) m.emplace_back("verifier/errors", (n - judged) / n);
  const Metrics lengths = LengthMetrics(config, groups, paid);
  m.insert(m.end(), lengths.begin(), lengths.end());
  return m;
}

Metrics SourceMetrics(const Session& session, std::span<const size_t> problems, const Groups& groups, const Paid& paid) {
  struct Source {
    double groups = 0;
    Sum reward, accuracy, length;
  };
  const std::vector<DataSource>& named = session.config.data.sources;
  std::vector<Source> sources(named.size());
  Metrics m;
  if (sources.empty()) return m;
  size_t sample = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    Source& source = sources.at(session.problems[problems[g]].source);
    ++source.groups;
    for (const Completion& c : groups[g]) {
      const RewardResult& r = paid.results[sample++];
      source.length.Add(static_cast<double>(c.tokens.size()));
      if (r.failed) continue;
      source.reward.Add(r.reward);
      source.accuracy.Add(r.judged.strict.right());
    }
  }
  for (size_t s = 0; s < sources.size(); ++s) {
    const std::string name = SourceName(named[s]), prefix = "source/" + name + "/";
    m.emplace_back("share/" + name, sources[s].groups / static_cast<double>(groups.size()));
    sources[s].reward.AppendTo(m, prefix + "reward");
    sources[s].accuracy.AppendTo(m, prefix + "accuracy");
    sources[s].length.AppendTo(m, prefix + "mean_length");
  }
  return m;
}

std::vector<std::string> CompletionLines(const Session& session, int64_t step, std::span<const size_t> problems,
                                         const Groups& groups, const Paid& paid) {
  std::vector<std::string> lines;
  size_t sample = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const Problem& problem = session.problems[problems[g]].problem;
    for (const Completion& c : groups[g]) {
      const RewardResult& r = paid.results[sample];
      const Judgement& paid_for = r.judged.of(session.config.reward.reading);
      nlohmann::ordered_json line = {{"step", step},
                                           {"id", problem.id},
                                           {"question", problem.question},
                                           {"gold", problem.answer},
                                           {"completion", paid.texts[sample]},
                                           {"tokens", c.tokens.size()},
                                           {"finish", FinishName(c.finish)},
                                           {"reward", r.reward},
                                           {"correct", r.right ? 1.0 : 0.0},
                                           {"outcome", r.outcome},
                                           {"shaping", r.shaping},
                                           {"verdict", VerdictName(paid_for.verdict)},
                                           {"advantage", paid.advantages[sample]}};
      if (!paid_for.reason.empty()) line["reason"] = paid_for.reason;
      if (session.config.budget.tokens > 0) line["budget"] = paid.budgets[sample];
      if (session.config.rollout.close == "forced") line["forced"] = c.forced_begin >= 0;
      lines.push_back(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      ++sample;
    }
  }
  return lines;
}

std::string StepLine(int64_t step, int64_t steps, const Metrics& metrics) {
  const auto show = [&](const char* name, const char* format, double factor) -> std::string {
    const std::optional<double> value = FindMetric(metrics, name);
    if (!value) return "–";
    char text[64];
    std::snprintf(text, sizeof text, format, factor * *value);
    return text;
  };
  return Str("step ", step, "/", steps, "  reward ", show("reward", "%.3f", 1), "  accuracy ", show("accuracy", "%.0f %%", 100),
             "  tokens ", show("completions/mean_length", "%.1f", 1), "  truncated ",
             show("completions/clipped_ratio", "%.0f %%", 100), "  grad ", show("grad_norm", "%.3g", 1), "  gap ", show("sampling/sampling_logp_difference/mean", "%.4f", 1),
             "  ", show("tokens_per_second", "%.0f tok/s", 1), " (", show("step_time", "%.1f s", 1), ", sampling ",
             show("time/rollout", "%.1f s", 1), ")");
}

}  // namespace pith
