#include "runtime/programs/eval_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"

namespace pith {
namespace {

bool IsFile(const std::string& dataset) { return dataset.ends_with(".jsonl"); }
bool HasSplits(const std::string& dataset) { return !IsFile(dataset) && dataset != "math500"; }
bool IsSynthetic(const std::string& dataset) { return dataset == "synthetic"; }
bool IsGeneratedSet(const std::string& dataset) { return IsSynthetic(dataset) || dataset == "everyday"; }

}  // namespace

void EvalOptions::AddTo(CLI::App& app) {
  data_.split = "test";
  model.AddTo(app, /*many_adapters=*/true);
  app.add_option("--dataset", datasets, "gsm8k | math500 | svamp | synthetic | everyday | FILE.jsonl; may be given more than once")->required();
  app.add_option("--split", data_.split, "train | test");
  AddNumber(app, "--limit", &data_.limit, Between(0, 1000000000), "how many problems of each data set; 0: all");
  AddNumber(app, "--data-seed", &data_.seed, AnyNumber(), "of the generator and of --shuffle");
  app.add_flag("--shuffle", data_.shuffle, "shuffle before taking --limit");
  AddNumber(app, "--min-steps", &data_.min_steps, Between(1, 8), "synthetic: fewest arithmetic steps");
  AddNumber(app, "--max-steps", &data_.max_steps, Between(1, 8), "synthetic: most arithmetic steps");
  AddNumber(app, "--max-number", &data_.max_number, Between(10, 1000000), "synthetic: size of the numbers");
  AddNumber(app, "--distractor-rate", &data_.distractor_rate, Between(0, 1), "synthetic: share with a number that does not matter");
  app.add_option("--question-field", data_.question_field, "FILE.jsonl: name of the field");
  app.add_option("--answer-field", data_.answer_field, "FILE.jsonl: name of the field");
  app.add_option("--budgets", budgets_, "token budgets, e.g. 64,128,none");
  AddNumber(app, "--reserve", &settings.budget.reserve_tokens, BudgetTokens(), "tokens kept for closing and answering (R; default: the first adapter's, else 32)");
  app.add_option("--close-text", settings.budget.close_text, "closes the reasoning of a model without </think> (default: the first adapter's)");
  app.add_option("--sentence", settings.budget.sentence, "ends the user's turn; {budget} becomes the budget (default: the first adapter's)");
  AddAnnouncement(app, &settings.announcement);
  app.add_option("--told", told_, "never: the model does not know its budget; always: the text that tells it does; both: a row each (default: always, where there is such a text)")
      ->check(CLI::IsMember({"never", "always", "both"}));
  AddNumber(app, "--max-tokens", &settings.max_tokens, TokenCount(), "cap without a budget");
  AddNumber(app, "--chains", &settings.chains, Between(1, 256), "samples per problem");
  app.add_flag("--score", settings.score, "score each by its adapter's verifier: a weighted vote beside the majority, and how good the scores are");
  automatic.AddTo(app, "auto: a row more, in which the first adapter's switcher chooses for each problem who answers, and the budget");
  AddSampling(app, &temperature_, "0: greedy (the default for one chain; else 0.7)", &settings.sampling);
  app.add_option("--system", settings.system, "system message");
  of_template.AddTo(app);
  AddNumber(app, "--max-batch", &settings.max_batch, Between(1, 1024), "sequences decoded together");
  speculate.AddTo(app, SpeculateOption::kNone);
  verifier.AddTo(app);
  app.add_flag("--no-base", no_base, "leave the base itself out");
  app.add_option("--out", out, "folder for results.json, comparisons.json, breakdown.json, answers.jsonl, run.json, chart.svg and report.html")->required();
  app.add_flag("--resume", resume, "go on with the same evaluation where it was broken off");
  app.add_flag("--overwrite", overwrite, "replace the results of an earlier evaluation in that folder");
}

void EvalOptions::Complete(const CLI::App& app) {
  settings.budgets = ParseBudgets(budgets_);
  settings.close_text_given = app.count("--close-text") > 0;
  settings.sampling.temperature = app.count("--temperature") > 0 ? temperature_ : settings.chains > 1 ? 0.7 : 0.0;
  if (!told_.empty()) settings.told = told_ == "never" ? Told::kNever : told_ == "both" ? Told::kBoth : Told::kAlways;
  for (size_t i = 0; i < datasets.size(); ++i) {
    if (std::count(datasets.begin(), datasets.end(), datasets[i]) > 1) ThrowUser("eval: --dataset names '", datasets[i], "' twice");
  }
  const auto any = [&](bool (*of)(const std::string&)) { return std::any_of(datasets.begin(), datasets.end(), of); };
  const bool synthetic = any(IsSynthetic), generated = any(IsGeneratedSet), others = !std::all_of(datasets.begin(), datasets.end(), IsGeneratedSet);
  if (!synthetic) RefuseUnused(app, {"--min-steps", "--max-steps", "--max-number", "--distractor-rate"}, "on a data set other than synthetic");
  if (!any(IsFile)) RefuseUnused(app, {"--question-field", "--answer-field"}, "on a data set other than FILE.jsonl");
  if (!any(HasSplits)) RefuseUnused(app, {"--split"}, Str("on ", datasets[0], ", which has no splits"));
  if (!others) RefuseUnused(app, {"--shuffle"}, "on generated data, whose order is random");
  if (!generated && !data_.shuffle) RefuseUnused(app, {"--data-seed"}, "without --shuffle");
  const bool budgeted = std::any_of(settings.budgets.begin(), settings.budgets.end(), [](int64_t budget) { return budget > 0; });
  const bool free = std::count(settings.budgets.begin(), settings.budgets.end(), 0) > 0;
  if (!budgeted) RefuseUnused(app, {"--reserve", "--close-text", "--sentence", "--announcement", "--told"}, "without a budget in --budgets");
  if (settings.told == Told::kNever) RefuseUnused(app, {"--sentence", "--announcement"}, "with --told never");
  if (!free && !automatic.on()) RefuseUnused(app, {"--max-tokens"}, "without 'none' in --budgets: each budget is the cap");
  automatic.Check(app);
  CheckSamplingOptions(app, settings.sampling);
  if (settings.chains > 1 && settings.sampling.temperature == 0) {
    ThrowUser("eval: ", settings.chains, " chains at temperature 0 would all be the same; give --temperature");
  }
}

void EvalOptions::TakeBudgetOf(const CLI::App& app, const std::vector<NamedAdapter>& adapters) {
  if (settings.score && std::none_of(adapters.begin(), adapters.end(), [](const NamedAdapter& mode) { return mode.adapter->verifier().has_value(); })) {
    CheckOf(adapters.empty() ? NamedAdapter{"base", nullptr} : adapters[0], "eval: --score");
  }
  CheckAnnouncementOption(app, adapters);
  TakeStoredBudget(app, adapters, settings.announcement, &settings.budget);
  const bool any = settings.CanTell({"base", nullptr}) || std::any_of(adapters.begin(), adapters.end(), [&](const NamedAdapter& mode) { return settings.CanTell(mode); });
  if (app.count("--told") > 0 && settings.told != Told::kNever && !any) {
    ThrowUser("eval: --told ", told_, " wants a text that tells the model its budget; give --sentence or --announcement, or an adapter that was trained with one");
  }
}

DatasetSpec EvalOptions::SpecOf(const std::string& dataset) const {
  DatasetSpec spec = data_;
  spec.name = dataset;
  return spec;
}

}  // namespace pith
