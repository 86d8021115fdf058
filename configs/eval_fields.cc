// Table of the section `eval`: evaluation inside training.
#include "configs/sections.h"

namespace pith {

FieldTable<EvaluationSettings> EvaluationFields() {
  using S = EvaluationSettings;
  const auto on = [](const S& s) { return s.every > 0; };
  const auto watched = [](Field<S> field) {
    return std::move(field).When("eval.patience is above 0", [](const S& s) { return s.every > 0 && s.patience > 0; });
  };
  const auto whole = [&](Field<S> field) { return std::move(field).When("eval.every is above 0", on); };
  return {
      MakeField(&S::every, "every", "steps",
                "Between evaluations, and at the end; 0: none. They change nothing of what is trained.", Between(0, 1000000000)),
      whole(MakeField(&S::dataset, "dataset", "",
                      "Which problems: gsm8k, math, math500, svamp, synthetic, everyday or a file that ends in .jsonl; empty: those of data.dataset, "
                      "of a mix the first source's. Made as data, or the first source of that data set, says otherwise.",
                      AnyText())),
      whole(MakeField(&S::split, "split", "", "Which part of them.", OneOf({"train", "test"}))),
      whole(MakeField(&S::limit, "limit", "problems", "The first so many after shuffling; 0: all.", Between(0, 1000000000))),
      whole(MakeField(&S::seed, "seed", "", "Of the problems and of the samples.", AnyNumber())),
      whole(MakeField(&S::budgets, "budgets", "tokens", "Each gives its own row of metrics; 0: no budget.", Between(0, 1048576))),
      whole(MakeField(&S::chains, "chains", "samples", "Per problem, for pass@k and maj@k with k = chains.", Between(1, 256))),
      whole(MakeField(&S::temperature, "temperature", "", "Of sampling; 0: greedy.", Between(0, 100))),
      whole(MakeField(&S::max_tokens, "max_tokens", "tokens", "An answer without a budget is cut off here.", Between(1, 1048576))),
      whole(MakeField(&S::max_batch, "max_batch", "sequences", "Decoded together.", Between(1, 1024))),
      whole(MakeField(&S::max_share, "max_share", "share",
                      "Of the run's time that evaluations may take; those that would take more are left out (which ones depends on the "
                      "clock). 1: none is.",
                      AboveUpTo(0, 1))),
      whole(MakeField(&S::patience, "patience", "evaluations",
                      "The run ends once so many in a row brought no progress; its adapter is then the best checkpoint's, where "
                      "log.best_metric keeps one. 0: it runs to its end.",
                      Between(0, 1000000))),
      watched(MakeField(&S::watch, "watch", "",
                        "The metric of evaluations that progress is measured by; empty: accuracy, under the first of `budgets`.",
                        TextRule{"empty, or a name such as eval/accuracy", [](const std::string& name) { return name.empty() || name.starts_with("eval/"); }})),
      watched(MakeField(&S::watch_mode, "watch_mode", "", "Whether a high or a low value of it is good.", OneOf({"max", "min"}))),
      watched(MakeField(&S::min_delta, "min_delta", "", "Only what is better than the best so far by more than this is progress.", AtLeast(0))),
  };
}

}  // namespace pith
