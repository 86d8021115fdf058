// What `pith-run eval` is asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/evaluation/eval_plan.h"
#include "runtime/programs/auto_option.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/speculate_option.h"

namespace pith {

struct EvalOptions {
  ModelOptions model;
  VerifierOptions verifier;
  EvalSettings settings;               // its dataset and base_sha256 are left to the caller
  std::vector<std::string> datasets;   // names, all different
  TemplateOptionsOfRun of_template;
  SpeculateOption speculate;
  AutoOption automatic;
  bool no_base = false, overwrite = false, resume = false;
  std::string out;

  void AddTo(CLI::App& app);
  // Once parsed. UserError for options that contradict each other, or that none of the data sets, budgets or the sampling would look at.
  void Complete(const CLI::App& app);
  // Once the adapters are loaded: what the command line leaves open of the budget, the first one that was trained with one says. UserError for --told where
  // nothing tells it.
  void TakeBudgetOf(const CLI::App& app, const std::vector<NamedAdapter>& adapters);
  DatasetSpec SpecOf(const std::string& dataset) const;

 private:
  DatasetSpec data_;                   // of every data set, but for its name
  std::string budgets_ = "none", told_;
  double temperature_ = 0;
};

}  // namespace pith
