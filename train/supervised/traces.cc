#include "train/supervised/traces.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "runtime/evaluation/attempt.h"
#include "runtime/generation/generate.h"
#include "train/ranks/ranks.h"
#include "train/run/run_folder.h"
#include "train/session/judging.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t kPageSlack = 64;  // tokens that a sequence may waste in its last pages

struct Trace {
  std::string text;
  int64_t tokens;
  bool correct;
};

// Names everything that a trace depends on, but its problem.
std::string MadeBy(const Session& session, const Teacher& teacher) {
  const DistillSettings& d = session.config.distill;
  Sha256 hash;
  hash.Update(Str(teacher.Identity(), " ", session.config.run.seed, " ", d.samples, " ", d.sampling_temperature, " ", d.max_tokens, " ", d.keep, " ",
                  d.reading, " ", session.config.data.system));
  const RewardSettings& judging = session.config.reward;
  if (judging.form != RewardSettings().form) hash.Update(" " + judging.form);
  for (const std::string& part : judging.verifier.command) hash.Update(Str(" ", part.size(), ":", part));
  if (judging.verifier.enabled()) hash.Update(" " + judging.verifier.url);
  return hash.HexDigest().substr(0, 16);
}

std::vector<Trace> Kept(std::vector<Trace> all, const std::string& keep) {
  if (keep != "all") std::erase_if(all, [](const Trace& t) { return !t.correct; });
  if (keep == "shortest" && !all.empty()) {
    return {*std::min_element(all.begin(), all.end(), [](const Trace& a, const Trace& b) { return a.tokens < b.tokens; })};
  }
  std::set<std::string> seen;
  std::erase_if(all, [&](const Trace& t) { return !seen.insert(t.text).second; });
  return all;
}

// The file's lines of one problem: each kept trace, or one line without a solution.
std::string Lines(const Problem& problem, const std::vector<Trace>& kept, const std::string& made_by) {
  std::string text;
  Json line = {{"id", problem.id}, {"question", problem.question}, {"answer", problem.answer}};
  if (problem.kind != Problem().kind) line["kind"] = problem.kind;
  const auto add = [&] {
    line["kept"] = kept.size();
    line["made_by"] = made_by;
    std::string whole = line.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!problem.payload.empty()) whole = WithMember(std::move(whole), "payload", problem.payload);
    text += whole + "\n";
  };
  for (const Trace& t : kept) {
    line["solution"] = t.text;
    line["tokens"] = t.tokens;
    line["correct"] = t.correct;
    add();
  }
  if (kept.empty()) add();
  return text;
}

class TeachersEngine {
 public:
  TeachersEngine(const Session& session, const Teacher& teacher)
      : session_(session), teacher_(teacher), settings_(session.config.distill), verifiers_(MakeVerifiers(session.config, "")) {
    const int64_t context = teacher.base->config().context_length;
    int64_t longest = 0, too_long = 0;
    for (const PreparedProblem& p : session.problems) {
      prompts_.push_back(PromptOf(p.problem));
      const auto tokens = static_cast<int64_t>(prompts_.back().ids.size());
      fits_.push_back(tokens + settings_.max_tokens <= context);
      fits_.back() ? longest = std::max(longest, tokens) : ++too_long;
    }
    const std::string why = Str(" prompts do not fit the context of distill.teacher, ", context, " tokens, with distill.max_tokens = ", settings_.max_tokens);
    if (longest == 0) ThrowUser("all ", too_long, why, "; lower that");
    if (too_long > 0) LogWarning(Str(too_long, why, "; the teacher has no trace for them"));
    if (teacher.adapter) adapter_ = PackedAdapter::FromLora(*teacher.adapter, teacher.base->config(), TensorType::kBF16);
    chunk_ = std::max<int64_t>(1, 4 * settings_.max_batch / settings_.samples);
    EngineOptions options;
    options.num_threads = session.config.run.threads;
    options.activations = ActivationType::kBF16;
    options.kv_tokens = (chunk_ + 1) * (longest + kPageSlack) + settings_.max_batch * (settings_.max_tokens + 2 * kPageSlack);
    engine_ = std::make_unique<Engine>(teacher.base, options);
  }

  size_t chunk() const { return static_cast<size_t>(chunk_); }

  // What is kept of the samples for problems [begin, end).
  std::vector<std::vector<Trace>> Sample(size_t begin, size_t end) {
    std::vector<GenerateRequest> requests;
    for (size_t i = begin; i < end; ++i) {
      if (!fits_[i]) continue;
      GenerateRequest r;
      r.prompt = prompts_[i].ids;
      r.invocation_start = prompts_[i].invocation_start;
      r.adapter = adapter_;
      r.sampling.temperature = settings_.sampling_temperature;
      r.sampling.seed = Rng(session_.config.run.seed, {0x7472616365}).Next();
      r.max_tokens = settings_.max_tokens;
      r.num_samples = static_cast<int>(settings_.samples);
      r.first_sample = static_cast<uint64_t>(i) * static_cast<uint64_t>(settings_.samples);
      requests.push_back(std::move(r));
    }
    GenerateOptions options;
    options.max_batch = settings_.max_batch;
    const Tokenizer& tokenizer = teacher_.prompter->tokenizer();
    std::vector<std::vector<Completion>> sampled = Generate(*engine_, tokenizer, requests, options), groups(end - begin);
    for (size_t i = begin, from = 0; i < end; ++i) {
      if (fits_[i]) groups[i - begin] = std::move(sampled[from++]);
    }
    std::vector<std::string> texts, judged_texts;
    for (const auto& group : groups) {
      for (const Completion& c : group) {
        if (c.finish != Finish::kStop) continue;
        texts.push_back(tokenizer.Decode(tokenizer.WithoutEnd(c.tokens)));
        judged_texts.push_back(JudgedText(tokenizer, c));
      }
    }
    std::vector<Attempt> attempts;
    for (size_t i = begin; i < end; ++i) {
      for (const Completion& c : groups[i - begin]) {
        if (c.finish == Finish::kStop) attempts.push_back(MakeAttempt(session_.problems[i].problem, judged_texts[attempts.size()], c));
      }
    }
    const std::vector<Judgement> judged =
        verifiers_->Judge(attempts, settings_.reading == "lenient" ? MathReading::kLenient : MathReading::kStrict);
    std::vector<std::vector<Trace>> kept;
    size_t next = 0;
    for (size_t i = begin; i < end; ++i) {
      std::vector<Trace> traces;
      for (const Completion& c : groups[i - begin]) {
        if (c.finish != Finish::kStop) continue;
        traces.push_back({texts[next], static_cast<int64_t>(c.tokens.size()), judged[next].right()});
        ++next;
      }
      kept.push_back(Kept(std::move(traces), settings_.keep));
    }
    return kept;
  }

 private:
  Prompt PromptOf(const Problem& problem) const {
    const std::string user = UserText(session_.config, problem.question);
    const std::string& system = session_.config.data.system;
    if (teacher_.adapter && teacher_.adapter->activation == Activation::kInvocation) {
      return teacher_.prompter->Build(user, system, teacher_.adapter->invocation);
    }
    return {teacher_.prompter->Encode(user, system), 0};
  }

  const Session& session_;
  const Teacher& teacher_;
  const DistillSettings& settings_;
  const std::shared_ptr<Verifiers> verifiers_;
  std::vector<Prompt> prompts_;
  std::vector<bool> fits_;  // those that the teacher has room for
  AdapterRef adapter_;
  int64_t chunk_;
  std::unique_ptr<Engine> engine_;
};

struct Read {
  std::vector<Solution> solutions;
  size_t problems = 0;                                    // how many the file is done with: the session's first ones
  size_t solved = 0;                                      // of them, those with a trace
  std::string whole;                                      // the text up to there
};

// Leaves out what a killed process may have left at the end: half a line, half a problem.
Read ReadTraces(const Session& session, const std::string& path, const std::string& made_by) {
  Read read;
  if (!FileExists(path)) return read;
  const std::string text = ReadFile(path);
  const auto damaged = [&](int64_t line, const std::string& why) {
    ThrowUser("'", path, "', line ", line, ": ", why, "; name another file in distill.traces, or remove this one to sample anew");
  };
  std::vector<std::string> pending;
  size_t begin = 0;
  int64_t number = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ++number;
    const Json line = Json::parse(text.substr(begin, end - begin), nullptr, /*allow_exceptions=*/false);
    if (!line.is_object() || !line.contains("made_by") || !line.contains("id") || !line.contains("question") || !line.contains("answer") || !line.value("kept", Json()).is_number_unsigned()) {
      damaged(number, "is no trace of pith-train");
    }
    if (line["made_by"] != made_by) damaged(number, "was sampled by another teacher, or with other settings");
    if (read.problems == session.problems.size()) damaged(number, "there are more problems than this run has");
    const Problem& problem = session.problems[read.problems].problem;
    if (line["question"] != problem.question || line["answer"] != problem.answer) {
      damaged(number, Str("is of problem ", line["id"].dump(), ", but this run's next one is ", NameOf(problem)));
    }
    const auto kept = line["kept"].get<size_t>();
    if (kept > 0) {
      if (!line.value("solution", Json()).is_string()) damaged(number, "has no solution");
      pending.push_back(line["solution"].get<std::string>());
      if (pending.size() < kept) continue;
      ++read.solved;
    }
    for (std::string& solution : pending) read.solutions.push_back({read.problems, std::move(solution)});
    pending.clear();
    ++read.problems;
    read.whole = text.substr(0, end + 1);
  }
  return read;
}

// Brings the file to its end.
void SampleMissing(const Session& session, const Teacher& teacher, const std::string& path, const std::string& made_by, bool quiet) {
  const Read read = ReadTraces(session, path, made_by);
  const size_t total = session.problems.size();
  if (read.problems == total) return;
  TeachersEngine engine(session, teacher);
  if (const std::string folder = std::filesystem::path(path).parent_path().string(); !folder.empty()) MakeFolders(folder);
  WriteFile(path, read.whole);
  std::optional<ProgressBar> bar;
  if (!quiet) bar.emplace("traces of " + teacher.path, static_cast<int64_t>(total));
  size_t solved = read.solved;
  for (size_t begin = read.problems, end; begin < total; begin = end) {
    end = std::min(total, begin + engine.chunk());
    const std::vector<std::vector<Trace>> kept = engine.Sample(begin, end);
    std::string text;
    for (size_t i = begin; i < end; ++i) {
      solved += kept[i - begin].empty() ? 0 : 1;
      text += Lines(session.problems[i].problem, kept[i - begin], made_by);
    }
    AppendToFile(path, text);
    if (bar) bar->Update(static_cast<int64_t>(end), Str(100 * solved / end, " % of problems have a trace"));
  }
}

}  // namespace

std::string TracesPath(const TrainConfig& config) {
  return config.distill.traces.empty() ? RunFolderPath(config) + ".traces.jsonl" : config.distill.traces;
}

std::vector<SftExample> MakeTraces(const Session& session, const Teacher& teacher, bool quiet) {
  const std::string path = TracesPath(session.config), made_by = MadeBy(session, teacher);
  if (Ranks::World().first()) SampleMissing(session, teacher, path, made_by, quiet);
  Ranks::World().FromFirst("");  // the others wait for it
  const Read read = ReadTraces(session, path, made_by);
  LogInfo(Str(path, ": ", read.solutions.size(), " traces of ", read.solved, " of ", session.problems.size(), " problems"));
  if (read.solutions.empty()) {
    ThrowUser("'", path, "' holds no trace to learn from: the teacher solved none of ", session.problems.size(),
              " problems; raise distill.samples or distill.max_tokens, or set distill.reading: lenient or distill.keep: all");
  }
  return MakeExamples(session, read.solutions);
}

}  // namespace pith
