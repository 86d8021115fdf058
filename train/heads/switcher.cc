#include "train/heads/switcher.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "adapters/card.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "configs/data_sources.h"
#include "runtime/evaluation/attempt.h"
#include "train/heads/arm_sampler.h"
#include "train/heads/fit_switcher.h"
#include "train/heads/head_run.h"
#include "train/ranks/ranks.h"

namespace pith {
namespace {

using SwitchJson = nlohmann::ordered_json;

std::string SourceOf(const Session& session, size_t problem) {
  const std::vector<DataSource>& sources = session.config.data.sources;
  return sources.empty() ? "" : SourceName(sources[session.problems[problem].source]);
}

class SwitcherStage : public HeadStage {
 public:
  explicit SwitcherStage(const Session& session) : HeadStage(session, session.config.switcher), settings_(session.config.switcher), sampler_(session) {
    data_.width = static_cast<size_t>(session.base->config().d_model);
    data_.num_arms = sampler_.arms().size();
    data_.samples = static_cast<size_t>(settings_.samples);
  }

  LoraAdapter Adapter() const override {
    LoraAdapter adapter = session_.initial;
    if (!report_.empty()) adapter.switcher = head_;
    return adapter;
  }

  std::string Line(const StepRecord& record) const override {
    const auto show = [&](const std::string& name) { return FindMetric(record.metrics, name).value_or(NAN); };
    std::string line = Str("step ", record.step, "/", total_);
    char part[160];
    for (const SwitchArm& arm : sampler_.arms()) {
      std::snprintf(part, sizeof part, "  %s %.1f %% at %.1f", arm.name.c_str(), 100 * show("arm/" + arm.name + "/accuracy"), show("arm/" + arm.name + "/mean_length"));
      line += part;
    }
    std::snprintf(part, sizeof part, " tokens  %.0f problems  %.0f tok/s", show("num_problems"), show("tokens_per_second"));
    line += part;
    if (FindMetric(record.metrics, "held_out/accuracy")) {
      std::snprintf(part, sizeof part, "  held out: %.1f %% at %.1f tokens, by lot %.1f %%", 100 * show("held_out/accuracy"), show("held_out/mean_tokens"), 100 * show("held_out/random_accuracy"));
      line += part;
    }
    return line;
  }

  std::string key() const override { return "switcher"; }
  std::string Save() const override {
    SwitchJson state = {{"inputs_sha256", HeadInputsHash(session_, {}, -1)}, {"problems", data_.group}, {"right", data_.right}, {"tokens", data_.tokens}, {"report", report_}};
    if (!report_.empty()) state["head"] = SwitchJson::parse(SwitcherJson(head_));
    return state.dump(-1, ' ', false, SwitchJson::error_handler_t::replace);
  }
  void Load(const std::string& text) override {
    const SwitchJson state = SwitchJson::parse(text);
    if (state.at("inputs_sha256") != HeadInputsHash(session_, {}, -1)) ThrowOtherInputs();
    state.at("problems").get_to(data_.group);
    state.at("right").get_to(data_.right);
    state.at("tokens").get_to(data_.tokens);
    data_.source.clear();
    for (const int64_t problem : data_.group) data_.source.push_back(SourceOf(session_, static_cast<size_t>(problem)));
    report_ = state.at("report").get<std::string>();
    if (!report_.empty()) head_ = ReadSwitcherJson("state.json", state.at("head").dump());
  }
  void SaveFiles(const std::string& folder) const override { SaveHidden(folder, data_.size(), data_.width, data_.x); }
  void LoadFiles(const std::string& folder) override { data_.x = LoadHidden(folder, data_.size(), data_.width, "problems"); }

 private:
  void Answer(const std::vector<size_t>& problems, GenerateStats* stats) override { answers_ = sampler_.Sample(problems, stats); }

  // Judges what was answered, and keeps it. A problem of which a judge failed on one answer is left out: arms are compared on the same ones.
  void Take(const std::vector<size_t>& problems, StepRecord* record) override {
    const std::vector<ArmAnswers> answers = std::move(answers_);
    const Tokenizer& tokenizer = session_.prompter->tokenizer();
    std::vector<const Completion*> completions;
    std::vector<std::string> texts;
    for (const ArmAnswers& of : answers) {
      for (const auto& arm : of.by_arm) {
        for (const Completion& c : arm) {
          completions.push_back(&c);
          texts.push_back(JudgedText(tokenizer, c));
        }
      }
    }
    const size_t per_problem = data_.num_arms * data_.samples;
    std::vector<Attempt> attempts;
    for (size_t n = 0; n < completions.size(); ++n) attempts.push_back(MakeAttempt(session_.problems[problems[n / per_problem]].problem, texts[n], *completions[n]));
    const std::vector<Judgement> judged = session_.verifiers->Judge(attempts, settings_.reading == "lenient" ? MathReading::kLenient : MathReading::kStrict);
    std::vector<double> right(data_.num_arms), tokens(data_.num_arms);
    double cut = 0;
    for (size_t i = 0; i < problems.size(); ++i) {
      const Problem& problem = session_.problems[problems[i]].problem;
      bool failed = false;
      for (size_t n = i * per_problem; n < (i + 1) * per_problem; ++n) {
        const size_t arm = n / data_.samples % data_.num_arms;
        record->completions.push_back(SwitchJson{{"problem", problem.id}, {"question", problem.question}, {"gold", problem.answer}, {"domain", problem.domain}, {"arm", sampler_.arms()[arm].name}, {"text", texts[n]},
                                                 {"tokens", completions[n]->tokens.size()}, {"finish", FinishName(completions[n]->finish)}, {"forced", completions[n]->forced_begin >= 0},
                                                 {"verdict", VerdictName(judged[n].verdict)}, {"extracted", judged[n].extracted}}
                                          .dump(-1, ' ', false, SwitchJson::error_handler_t::replace));
        right[arm] += judged[n].right();
        tokens[arm] += static_cast<double>(completions[n]->tokens.size());
        cut += completions[n]->finish == Finish::kLength;
        failed |= judged[n].failed();
      }
      if (failed) continue;
      data_.group.push_back(static_cast<int64_t>(problems[i]));
      data_.source.push_back(SourceOf(session_, problems[i]));
      data_.x.insert(data_.x.end(), answers[i].pooled.begin(), answers[i].pooled.end());
      for (size_t n = i * per_problem; n < (i + 1) * per_problem; ++n) {
        data_.right.push_back(judged[n].right() ? 1 : 0);
        data_.tokens.push_back(static_cast<int64_t>(completions[n]->tokens.size()));
      }
    }
    const double of_arm = static_cast<double>(problems.size() * data_.samples);
    for (size_t arm = 0; arm < data_.num_arms; ++arm) {
      record->metrics.push_back({"arm/" + sampler_.arms()[arm].name + "/accuracy", right[arm] / of_arm});
      record->metrics.push_back({"arm/" + sampler_.arms()[arm].name + "/mean_length", tokens[arm] / of_arm});
    }
    record->metrics.push_back({"completions/clipped_ratio", cut / static_cast<double>(completions.size())});
    record->metrics.push_back({"num_problems", static_cast<double>(data_.size())});
  }

  void Fit(Metrics* metrics) override {
    FittedSwitcher fitted = FitSwitcher(data_, sampler_.arms(), settings_, session_.config.run.seed);
    head_ = std::move(fitted.head);
    head_.adapter_sha256 = AdapterHash(session_.initial);
    head_.fit.dataset = DatasetNames(session_.config);
    report_ = std::move(fitted.report);
    metrics->insert(metrics->end(), fitted.metrics.begin(), fitted.metrics.end());
  }

  const SwitchSettings& settings_;
  ArmSampler sampler_;
  std::vector<ArmAnswers> answers_;  // of the step at hand, until they are judged
  ArmOutcomes data_;
  SwitcherHead head_;
};

// Measured: the first problems, as many as fill the batch.
double StepSecondsOf(const Session& session) {
  const SwitchSettings& s = session.config.switcher;
  const auto n = std::min(static_cast<int64_t>(session.problems.size()), s.problems_per_step), arms = static_cast<int64_t>(s.budgets.size()) + 1;
  std::vector<size_t> problems(static_cast<size_t>(std::clamp<int64_t>(s.max_batch / (s.samples * arms), 1, n)));
  std::iota(problems.begin(), problems.end(), size_t{0});
  ArmSampler sampler(session);
  const auto start = std::chrono::steady_clock::now();
  GenerateStats stats;
  sampler.Sample(problems, &stats);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return seconds * static_cast<double>(n) / static_cast<double>(problems.size());
}

}  // namespace

void RunSwitcher(const Session& session, const RunOptions& options) {
  SwitcherStage stage(session);
  RunLoop(session.config, options, stage);
  if (!Ranks::World().first() || stage.report().empty()) return;
  const std::string path = RunFolderPath(session.config) + "/" + kSwitcherReport;
  WriteFile(path, stage.report());
  LogInfo(Str("switcher: ", SwitcherSentence(*stage.Adapter().switcher), "; ", path));
}

std::string DescribeSwitcherRun(const Session& session) {
  const SwitchSettings& s = session.config.switcher;
  const bool announces = session.initial.budget && !session.initial.budget->announcement.empty();
  const std::vector<SwitchArm> arms = NamedArms(s, announces);
  std::string text = "# who may answer\n";
  for (const SwitchArm& arm : arms) {
    text += "  " + arm.name + (arm.told ? Str(", told its budget of ", arm.budget_tokens) : arm.budget_tokens > 0 ? Str(", cut under a budget of ", arm.budget_tokens, " that it is not told") : "") + "\n";
  }
  text += "\n# batches\n";
  const auto n = static_cast<int64_t>(session.problems.size()), answers = static_cast<int64_t>(arms.size()) * s.samples;
  if (n == 0) return text + "  how many depends on data that is not there yet\n";
  char memory[32];
  std::snprintf(memory, sizeof memory, "%.0f", static_cast<double>(SwitchKvBytes(session)) / 1e6);
  text += Str("  ", n, " problems x ", arms.size(), " arms x ", s.samples, s.samples == 1 ? " answer = " : " answers = ", n * answers, ", of at most ", s.longest_answer(), " tokens, in ", HeadSteps(session, s),
              " steps; about ", std::lround(s.held_out * static_cast<double>(n)), " of the problems are held out\n  the adapter as ", s.type, ", activations ", s.activations, ", KV ", s.kv_type,
              "\n\n# memory at the peak, about\n  the file as it is mapped, and ", memory, " MB of keys and values\n");
  if (!session.missing.empty() || Ranks::World().size() > 1) return text;  // among ranks all would have to take part
  const double seconds = StepSecondsOf(session);
  return text + Str("\n# time, as this machine is now, about\n  a step of ", std::min(n, s.problems_per_step), " problems ", FormatDuration(seconds), "; ", HeadSteps(session, s), " steps: ",
                    FormatDuration(seconds * static_cast<double>(HeadSteps(session, s))), ", and the fit\n");
}

}  // namespace pith
