// eval: accuracy against length over data sets → results.json, answers.jsonl, report.html and what else eval_output.h names.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/iso_time.h"
#include "base/model_path.h"
#include "base/progress.h"
#include "base/version.h"
#include "runtime/adapter_hash.h"
#include "runtime/evaluation/eval.h"
#include "runtime/evaluation/eval_journal.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/eval_facts.h"
#include "runtime/programs/eval_options.h"
#include "runtime/programs/eval_output.h"
#include "runtime/programs/machine.h"
#include "runtime/programs/report.h"

namespace pith {
namespace {

using RunJson = nlohmann::ordered_json;

std::string FileName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string ModelName(const std::string& path) {  // general.name is often the name of an ancestor
  const std::string file = FileName(path);
  return file.ends_with(".gguf") ? file.substr(0, file.size() - 5) : file;
}

std::string CommandLine(const Arguments& args) {
  std::string command = "pith-run eval";
  for (const std::string& arg : args) {
    if (arg == "--resume") continue;  // nobody who makes it again has anything to resume
    command += arg.find_first_of(" \n\"{") == std::string::npos ? " " + arg : " '" + arg + "'";
  }
  return command;
}

// One moment for all prompts, and for all goes: the one that was given, else the first adapter's, else that of the go before, else now.
std::string TimeOfTemplate(const EvalOptions& options, const std::vector<NamedAdapter>& modes) {
  if (!options.of_template.now.empty()) return options.of_template.now;
  for (const NamedAdapter& mode : modes) {
    if (mode.adapter && !mode.adapter->template_now().empty()) return mode.adapter->template_now();
  }
  std::string earlier;
  if (options.resume) earlier = EvalJournal::FactOf(EvalJournalPath(options.out), kTemplateTime).value_or("");
  return earlier.empty() ? IsoTime(LocalTime()) : earlier;
}

std::vector<PlannedSet> PlanSets(const EvalOptions& options, const ModelConfig& config, const Prompter& prompter, const std::vector<NamedAdapter>& modes) {
  std::vector<PlannedSet> sets;
  for (const std::string& dataset : options.datasets) {
    PlannedSet& set = sets.emplace_back(PlannedSet{dataset, LoadProblems(options.SpecOf(dataset)), {}});
    if (set.problems.empty()) ThrowUser("eval: ", dataset, " holds no problems");
    set.plan = PlanEval(config, prompter, set.problems, modes, options.settings);
  }
  return sets;
}

EvalShape ShapeOf(const std::vector<PlannedSet>& sets, const EvalSettings& settings, int64_t vocab) {
  EvalShape shape{{}, settings.chains, vocab, settings.automatic ? static_cast<int>(settings.automatic->arms().size()) : 0};
  for (const PlannedSet& set : sets) shape.sets.push_back({set.plan.rows.size(), set.problems.size()});
  return shape;
}

// run.json: what was run, and each go of it.
std::string RecordOf(const EvalOptions& options, const std::string& command, const BaseModel& base, const std::string& path, const std::vector<NamedAdapter>& modes,
                     const std::vector<PlannedSet>& sets, const std::vector<std::string>& goes) {
  RunJson record = {{"command", command}, {"pith", {{"version", Version()}, {"commit", Commit()}}},
                    {"model", RunJson::parse(ModelJson(base, path, options.settings.base_sha256))}, {"adapters", RunJson::array()}, {"datasets", RunJson::array()},
                    {"activations", options.model.activations}, {"kv", options.model.kv}, {"goes", RunJson::array()}};
  for (const NamedAdapter& mode : modes) {
    if (mode.adapter) record["adapters"].push_back({{"name", mode.name}, {"content_sha256", AdapterContentHash(*mode.adapter, base.config())}, {"bytes", mode.adapter->bytes()}});
  }
  for (const PlannedSet& set : sets) record["datasets"].push_back({{"name", set.dataset}, {"n", set.problems.size()}, {"sha256", ProblemsHash(set.problems)}});
  for (const std::string& go : goes) record["goes"].push_back(RunJson::parse(go));
  record["goes"].back()["ended"] = UtcNow();
  return record.dump(1, ' ', false, RunJson::error_handler_t::replace) + "\n";
}

}  // namespace

int EvalCommand(const Arguments& args) {
  EvalOptions options;
  CLI::App app("Accuracy against length: the base and each adapter answer the same problems under every budget.", "eval");
  options.AddTo(app);
  if (!ParseArguments(app, args)) return 0;
  EvalSettings& settings = options.settings;
  options.Complete(app);
  CheckEvalFolder(options.out, options.resume, options.overwrite);
  settings.verifiers = options.verifier.Make(app, options.model.threads);

  const std::string started = UtcNow(), path = ResolveModelPath(options.model.model), command = CommandLine(args);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  const std::string start = StartJson(*base);  // before the identity, which may read all of it
  std::vector<NamedAdapter> modes = LoadAdapters(options.model, *base);
  options.TakeBudgetOf(app, modes);
  if (!options.no_base) modes.insert(modes.begin(), {"base", nullptr});
  if (modes.empty()) ThrowUser("eval: --no-base without any --adapter leaves nothing to evaluate");
  options.of_template.now = TimeOfTemplate(options, modes);
  const auto prompter = LoadPrompter(app, path, modes, options.of_template);
  const std::vector<NamedAdapter> adapters(modes.begin() + (options.no_base ? 0 : 1), modes.end());
  settings.automatic = options.automatic.Make(app, adapters, prompter->tokenizer());
  const std::vector<PlannedSet> sets = PlanSets(options, base->config(), *prompter, modes);
  const OutputFolder folder = MakeEvalFolder(options.out);
  int64_t kv_tokens = 0, completions = 0;
  for (const PlannedSet& set : sets) {
    kv_tokens = std::max(kv_tokens, set.plan.kv_tokens);
    completions += static_cast<int64_t>(set.problems.size() * set.plan.rows.size()) * settings.chains;
  }
  Engine engine(base, options.model.Engine(kv_tokens));
  settings.drafter = options.speculate.Make(engine, prompter->tokenizer());
  settings.base_sha256 = base->Identity();

  const std::string journal_path = EvalJournalPath(options.out);
  const std::vector<EvalFact> facts = FactsOf(options, modes, sets, *prompter, base->config());
  const EvalShape shape = ShapeOf(sets, settings, prompter->tokenizer().vocab_size());
  const auto journal = options.resume ? EvalJournal::Resume(journal_path, facts, shape) : EvalJournal::Begin(journal_path, facts, shape);
  RunJson go = {{"started", started}, {"ended", nullptr}, {"answers_before", journal->num_kept()}};
  go.update(RunJson::parse(start));
  go.update(RunJson::parse(MachineJson(engine.pool().num_threads())));
  journal->AddGo(go.dump());

  std::vector<EvaluatedSet> evaluated;
  try {
    ProgressBar bar("evaluating", completions);
    int64_t before = 0;
    for (size_t i = 0; i < sets.size(); ++i) {
      const PlannedSet& set = sets[i];
      settings.dataset = set.dataset;
      const std::string where = sets.size() > 1 ? FileName(set.dataset) + ", " : "";
      const auto show = [&](int64_t done, int64_t, const std::string& what) { bar.Update(before + done, where + what); };
      evaluated.push_back({set.dataset, set.problems, RunEval(engine, prompter->tokenizer(), set.problems, modes, settings, set.plan, show, journal->Set(i))});
      before += static_cast<int64_t>(set.problems.size() * evaluated.back().rows.size()) * settings.chains;
    }
  } catch (const UserError& error) {  // a judge that cannot work, a full disk
    if (journal->empty()) throw;
    ThrowUser(error.what(), "; what was answered is kept: go on with --resume");
  }  // the bar's line ends before the table begins
  std::string title = ModelName(path) + " on ";
  for (const PlannedSet& set : sets) title += (&set == sets.data() ? "" : ", ") + FileName(set.dataset);
  const std::string table = "\n" + ReportText(evaluated) + "\n";
  try {
    WriteEvaluation(folder, {title, FileName(path), command, RecordOf(options, command, *base, path, modes, sets, journal->goes())}, evaluated);
  } catch (const UserError& error) {
    std::cout << table;  // a disk that has filled up meanwhile takes no file
    ThrowUser(error.what(), "; what was answered is kept: write it with --resume");
  }
  journal->Remove();
  std::cout << table << "report: " << ReportPath(folder) << "\n";
  return 0;
}

}  // namespace pith
