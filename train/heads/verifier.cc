#include "train/heads/verifier.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "runtime/evaluation/attempt.h"
#include "train/heads/check_sampler.h"
#include "train/heads/fit_verifier.h"
#include "train/heads/head_run.h"
#include "train/ranks/ranks.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

// Measured: the first problems, as many as fill the batch.
double StepSeconds(const Session& session) {
  const CheckSettings& c = session.config.check;
  const auto n = std::min(static_cast<int64_t>(session.problems.size()), c.problems_per_step);
  std::vector<size_t> problems(static_cast<size_t>(std::clamp<int64_t>(c.max_batch / c.samples, 1, n)));
  std::iota(problems.begin(), problems.end(), size_t{0});
  CheckSampler sampler(session);
  const auto start = std::chrono::steady_clock::now();
  GenerateStats stats;
  sampler.Sample(problems, &stats);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return seconds * static_cast<double>(n) / static_cast<double>(problems.size());
}

class VerifierStage : public HeadStage {
 public:
  explicit VerifierStage(const Session& session) : HeadStage(session, session.config.check), settings_(session.config.check), sampler_(session) {
    data_.width = static_cast<size_t>(session.base->config().d_model);
  }

  LoraAdapter Adapter() const override {
    LoraAdapter adapter = session_.initial;
    if (!report_.empty()) adapter.verifier = head_;
    return adapter;
  }

  std::string Line(const StepRecord& record) const override {
    const auto show = [&](const char* name) { return FindMetric(record.metrics, name).value_or(NAN); };
    char line[240];
    int size = std::snprintf(line, sizeof line, "step %lld/%lld  right %.1f %%  %.1f tokens  %.0f answers  %.0f tok/s", static_cast<long long>(record.step),
                             static_cast<long long>(total_), 100 * show("accuracy"), show("completions/mean_length"), show("num_answers"), show("tokens_per_second"));
    if (FindMetric(record.metrics, "held_out/auc")) {
      std::snprintf(line + size, sizeof line - static_cast<size_t>(size), "  held out: AUC %.3f, calibration error %.3f", show("held_out/auc"), show("held_out/calibration_error"));
    }
    return line;
  }

  std::string key() const override { return "verifier"; }
  std::string Save() const override {
    Json chains = Json::array();
    for (size_t i = 0; i < data_.size(); ++i) chains.push_back({data_.group[i], data_.right[i], data_.answers[i]});
    Json state = {{"inputs_sha256", HeadInputsHash(session_, sampler_.turn().ids, sampler_.turn().end_id)}, {"answers", chains}, {"report", report_}};
    if (!report_.empty()) state["head"] = Json::parse(VerifierJson(head_));
    return state.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  void Load(const std::string& text) override {
    const Json state = Json::parse(text);
    if (state.at("inputs_sha256") != HeadInputsHash(session_, sampler_.turn().ids, sampler_.turn().end_id)) {
      ThrowOtherInputs();
    }
    data_.group.clear();
    data_.right.clear();
    data_.answers.clear();
    for (const Json& chain : state.at("answers")) {
      data_.group.push_back(chain.at(0).get<int64_t>());
      data_.right.push_back(chain.at(1).get<uint8_t>());
      data_.answers.push_back(chain.at(2).get<std::string>());
    }
    report_ = state.at("report").get<std::string>();
    if (!report_.empty()) head_ = ReadVerifierJson("state.json", state.at("head").dump());
  }
  void SaveFiles(const std::string& folder) const override { SaveHidden(folder, data_.size(), data_.width, data_.x); }
  void LoadFiles(const std::string& folder) override { data_.x = LoadHidden(folder, data_.size(), data_.width, "answers"); }

 private:
  void Answer(const std::vector<size_t>& problems, GenerateStats* stats) override { groups_ = sampler_.Sample(problems, stats); }

  // Judges what was sampled, and keeps it. What a judge failed on is left out.
  void Take(const std::vector<size_t>& problems, StepRecord* record) override {
    const std::vector<std::vector<Completion>> groups = std::move(groups_);
    const Tokenizer& tokenizer = session_.prompter->tokenizer();
    std::vector<std::string> texts;
    for (const auto& group : groups) {
      for (const Completion& c : group) texts.push_back(JudgedText(tokenizer, c));
    }
    std::vector<Attempt> attempts;
    for (size_t i = 0; i < groups.size(); ++i) {
      for (const Completion& c : groups[i]) attempts.push_back(MakeAttempt(session_.problems[problems[i]].problem, texts[attempts.size()], c));
    }
    const std::vector<Judgement> judged = session_.verifiers->Judge(attempts, settings_.reading == "lenient" ? MathReading::kLenient : MathReading::kStrict);
    double right = 0, tokens = 0, cut = 0;
    size_t n = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      for (const Completion& c : groups[i]) {
        const Judgement& judgement = judged[n];
        const Problem& problem = session_.problems[problems[i]].problem;
        record->completions.push_back(Json{{"problem", problem.id}, {"question", problem.question}, {"gold", problem.answer}, {"text", texts[n]}, {"tokens", c.tokens.size()},
                                           {"finish", FinishName(c.finish)}, {"verdict", VerdictName(judgement.verdict)}, {"extracted", judgement.extracted}}
                                          .dump(-1, ' ', false, Json::error_handler_t::replace));
        ++n;
        tokens += static_cast<double>(c.tokens.size());
        cut += c.finish == Finish::kLength;
        if (judgement.failed()) continue;
        right += judgement.right();
        data_.group.push_back(static_cast<int64_t>(problems[i]));
        data_.right.push_back(judgement.right() ? 1 : 0);
        data_.answers.push_back(judgement.extracted);
        data_.x.insert(data_.x.end(), c.hidden.begin(), c.hidden.end());
      }
    }
    const double all = static_cast<double>(n);
    record->metrics = {{"accuracy", right / all}, {"completions/mean_length", tokens / all}, {"completions/clipped_ratio", cut / all},
                       {"num_answers", static_cast<double>(data_.size())}};
  }

  void Fit(Metrics* metrics) override {
    FittedVerifier fitted = FitVerifier(data_, settings_, session_.config.run.seed);
    head_ = std::move(fitted.head);
    head_.check_text = settings_.text;
    head_.check_ids = sampler_.turn().ids;
    head_.end_id = sampler_.turn().end_id;
    head_.by_base = settings_.reader == "base";
    head_.adapter_sha256 = AdapterHash(session_.initial);
    head_.fit.dataset = DatasetNames(session_.config);
    report_ = std::move(fitted.report);
    metrics->insert(metrics->end(), fitted.metrics.begin(), fitted.metrics.end());
  }

  const CheckSettings& settings_;
  CheckSampler sampler_;
  std::vector<std::vector<Completion>> groups_;  // of the step at hand, until they are judged
  CheckedAnswers data_;
  VerifierHead head_;
};

}  // namespace

void RunVerifier(const Session& session, const RunOptions& options) {
  VerifierStage stage(session);
  RunLoop(session.config, options, stage);
  if (!Ranks::World().first() || stage.report().empty()) return;
  const std::string path = RunFolderPath(session.config) + "/" + kVerifierReport;
  WriteFile(path, stage.report());
  LogInfo(Str("verifier: ", VerifierSentence(*stage.Adapter().verifier), "; ", path));
}

std::string DescribeVerifierRun(const Session& session) {
  const CheckSettings& c = session.config.check;
  const CheckTurn turn = MakeCheckTurn(*session.prompter, c.text);
  const auto n = static_cast<int64_t>(session.problems.size());
  std::string text = Str("# what is asked behind an answer (", turn.ids.size(), " tokens, read by the ", c.reader, ")\n  ");
  for (const char ch : session.prompter->tokenizer().Decode(turn.ids, /*with_control=*/true)) text += ch == '\n' ? std::string("\n  ") : std::string(1, ch);
  text += "\n\n# batches\n";
  if (n == 0) return text + "  how many depends on data that is not there yet\n";
  char memory[32];
  std::snprintf(memory, sizeof memory, "%.0f", static_cast<double>(CheckKvBytes(session, turn)) / 1e6);
  text += Str("  ", n, " problems x ", c.samples, " answers = ", n * c.samples, ", of at most ", c.max_tokens, " tokens, in ", HeadSteps(session, c), " steps; about ",
                    std::lround(c.held_out * static_cast<double>(n)), " of the problems are held out\n  the adapter as ", c.type, ", activations ", c.activations, ", KV ", c.kv_type,
                    "\n\n# memory at the peak, about\n  the file as it is mapped, and ", memory, " MB of keys and values\n");
  if (!session.missing.empty() || Ranks::World().size() > 1) return text;  // among ranks all would have to take part
  const double seconds = StepSeconds(session);
  return text + Str("\n# time, as this machine is now, about\n  a step of ", std::min(n, c.problems_per_step), " problems ", FormatDuration(seconds), "; ", HeadSteps(session, c), " steps: ",
                    FormatDuration(seconds * static_cast<double>(HeadSteps(session, c))), ", and the fit\n");
}

}  // namespace pith
