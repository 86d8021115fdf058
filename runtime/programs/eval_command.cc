// eval: accuracy against length over a data set → results.json, answers.jsonl, chart.svg, report.html.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "base/error.h"
#include "base/file.h"
#include "base/model_path.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "runtime/evaluation/eval.h"
#include "runtime/evaluation/eval_plan.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/output_folder.h"
#include "runtime/programs/report.h"
#include "runtime/programs/report_chart.h"

namespace pith {
namespace {

std::string FileName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string ModelName(const std::string& path) {  // general.name is often the name of an ancestor
  const std::string file = FileName(path);
  return file.ends_with(".gguf") ? file.substr(0, file.size() - 5) : file;
}

constexpr const char* kResults = "results.json";
constexpr const char* kAnswers = "answers.jsonl";
constexpr const char* kChart = "chart.svg";
constexpr const char* kReport = "report.html";
const std::vector<std::string> kFiles = {kResults, kAnswers, kChart, kReport};

// Hours of work may lie there.
void RefuseEarlier(const std::string& out) {
  for (const std::string& file : kFiles) {
    if (!FileExists(out + "/" + file)) continue;
    ThrowUser("eval: '", out, "' holds the ", file, " of an earlier evaluation; name another folder with --out, or replace it with --overwrite");
  }
}

// Every option that the chosen data set, budgets or sampling would not look at.
void CheckOptions(const CLI::App& app, const DatasetSpec& data, const EvalSettings& settings) {
  const bool synthetic = data.name == "synthetic", file = data.name.ends_with(".jsonl");
  const auto has = [&](bool none) {
    return std::any_of(settings.budgets.begin(), settings.budgets.end(), [none](int64_t budget) { return (budget == 0) == none; });
  };
  if (!synthetic) {
    RefuseUnused(app, {"--min-steps", "--max-steps", "--max-number", "--distractor-rate"}, "on a data set other than synthetic");
  }
  if (!file) RefuseUnused(app, {"--question-field", "--answer-field"}, "on a data set other than FILE.jsonl");
  if (file || data.name == "math500") RefuseUnused(app, {"--split"}, Str("on ", data.name, ", which has no splits"));
  if (synthetic) RefuseUnused(app, {"--shuffle"}, "on synthetic, whose order is random");
  if (!synthetic && !data.shuffle) RefuseUnused(app, {"--data-seed"}, "without --shuffle");
  if (!has(/*none=*/false)) RefuseUnused(app, {"--reserve", "--close-text", "--sentence", "--announcement"}, "without a budget in --budgets");
  if (!has(/*none=*/true)) RefuseUnused(app, {"--max-tokens"}, "without 'none' in --budgets: each budget is the cap");
  CheckSamplingOptions(app, settings.sampling);
  if (settings.chains > 1 && settings.sampling.temperature == 0) {
    ThrowUser("eval: ", settings.chains, " chains at temperature 0 would all be the same; give --temperature");
  }
}

}  // namespace

int EvalCommand(const Arguments& args) {
  ModelOptions model;
  VerifierOptions verifier;
  EvalSettings settings;
  DatasetSpec data;
  data.split = "test";
  std::string budgets = "none", out;
  TemplateOptionsOfRun told;
  bool no_base = false, overwrite = false;
  double temperature = 0;
  CLI::App app("Accuracy against length: the base and each adapter answer the same problems under every budget.", "eval");
  model.AddTo(app, /*many_adapters=*/true);
  app.add_option("--dataset", data.name, "gsm8k | math500 | svamp | synthetic | FILE.jsonl")->required();
  app.add_option("--split", data.split, "train | test");
  AddNumber(app, "--limit", &data.limit, Between(0, 1000000000), "how many problems; 0: all");
  AddNumber(app, "--data-seed", &data.seed, AnyNumber(), "of the generator and of --shuffle");
  app.add_flag("--shuffle", data.shuffle, "shuffle before taking --limit");
  AddNumber(app, "--min-steps", &data.min_steps, Between(1, 8), "synthetic: fewest arithmetic steps");
  AddNumber(app, "--max-steps", &data.max_steps, Between(1, 8), "synthetic: most arithmetic steps");
  AddNumber(app, "--max-number", &data.max_number, Between(10, 1000000), "synthetic: size of the numbers");
  AddNumber(app, "--distractor-rate", &data.distractor_rate, Between(0, 1), "synthetic: share with a number that does not matter");
  app.add_option("--question-field", data.question_field, "FILE.jsonl: name of the field");
  app.add_option("--answer-field", data.answer_field, "FILE.jsonl: name of the field");
  app.add_option("--budgets", budgets, "token budgets, e.g. 64,128,none");
  AddNumber(app, "--reserve", &settings.budget.reserve_tokens, BudgetTokens(), "tokens kept for closing and answering (R; default: the first adapter's, else 32)");
  app.add_option("--close-text", settings.budget.close_text, "closes the reasoning of a model without </think> (default: the first adapter's)");
  app.add_option("--sentence", settings.budget.sentence, "ends the user's turn; {budget} becomes the budget (default: the first adapter's)");
  AddAnnouncement(app, &settings.announcement);
  AddNumber(app, "--max-tokens", &settings.max_tokens, TokenCount(), "cap without a budget");
  AddNumber(app, "--chains", &settings.chains, Between(1, 256), "samples per problem");
  AddSampling(app, &temperature, "0: greedy (the default for one chain; else 0.7)", &settings.sampling);
  app.add_option("--system", settings.system, "system message");
  told.AddTo(app);
  AddNumber(app, "--max-batch", &settings.max_batch, Between(1, 1024), "sequences decoded together");
  verifier.AddTo(app);
  app.add_flag("--no-base", no_base, "leave the base itself out");
  app.add_option("--out", out, "folder for results.json, answers.jsonl, chart.svg and report.html")->required();
  app.add_flag("--overwrite", overwrite, "replace the results of an earlier evaluation in that folder");
  if (!ParseArguments(app, args)) return 0;
  settings.budgets = ParseBudgets(budgets);
  settings.dataset = data.name;
  settings.close_text_given = app.count("--close-text") > 0;
  settings.sampling.temperature = app.count("--temperature") > 0 ? temperature : settings.chains > 1 ? 0.7 : 0.0;
  CheckOptions(app, data, settings);
  if (!overwrite) RefuseEarlier(out);
  settings.verifiers = verifier.Make(app, model.threads);

  const std::string path = ResolveModelPath(model.model);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  std::vector<NamedAdapter> modes = LoadAdapters(model, *base);
  CheckAnnouncementOption(app, modes);
  TakeStoredBudget(app, modes, settings.announcement, &settings.budget);
  if (!no_base) modes.insert(modes.begin(), {"base", nullptr});
  if (modes.empty()) ThrowUser("eval: --no-base without any --adapter leaves nothing to evaluate");
  const std::vector<Problem> problems = LoadProblems(data);
  if (problems.empty()) ThrowUser("eval: ", data.name, " holds no problems");
  const auto prompter = LoadPrompter(app, path, modes, told);
  const EvalPlan plan = PlanEval(base->config(), *prompter, problems, modes, settings);
  OutputFolder folder(out, kFiles);
  Engine engine(base, model.Engine(plan.kv_tokens));

  settings.base_sha256 = base->Identity();

  std::vector<EvalRow> rows;
  {
    ProgressBar bar("evaluating", static_cast<int64_t>(problems.size() * modes.size() * settings.budgets.size()) * settings.chains);
    rows = RunEval(engine, prompter->tokenizer(), problems, modes, settings, plan,
                   [&](int64_t done, int64_t, const std::string& what) { bar.Update(done, what); });
  }  // the bar's line ends before the table begins
  std::string command = "pith-run eval";
  for (const std::string& arg : args) command += arg.find_first_of(" \n\"{") == std::string::npos ? " " + arg : " '" + arg + "'";
  const std::string table = "\n" + ReportText(rows) + "\n";
  try {
    folder.Write({{kResults, ResultsJson(rows)},
                  {kAnswers, AnswersJsonl(rows, problems)},
                  {kChart, AccuracyLengthSvgFile(rows)},
                  {kReport, ReportHtml({ModelName(path) + " on " + FileName(data.name), FileName(path), command}, rows, problems)}});
  } catch (const UserError&) {
    std::cout << table;  // a disk that has filled up meanwhile takes no file
    throw;
  }
  std::cout << table << "report: " << folder.Path(kReport) << "\n";
  return 0;
}

}  // namespace pith
