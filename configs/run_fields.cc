// Tables of the sections that every stage reads: the run itself, model, data, log.
#include <algorithm>

#include "configs/sections.h"

namespace pith {
namespace {

TextRule RunName() {
  return {"letters, digits and any of . _ - /, not starting with / and without ..", [](const std::string& name) {
            const auto allowed = [](char c) {
              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '_' || c == '-' || c == '/';
            };
            return !name.empty() && name[0] != '/' && name.find("..") == std::string::npos &&
                   std::all_of(name.begin(), name.end(), allowed);
          }};
}

bool IsJsonl(const std::string& dataset) { return dataset.size() > 6 && dataset.ends_with(".jsonl"); }

TextRule DatasetName() {
  return {"gsm8k, math, math500, svamp, synthetic or a file that ends in .jsonl", [](const std::string& name) {
            return name == "gsm8k" || name == "math" || name == "math500" || name == "svamp" || name == "synthetic" ||
                   IsJsonl(name);
          }};
}

bool Synthetic(const DataSettings& data) { return data.dataset == "synthetic"; }
bool FromFile(const DataSettings& data) { return IsJsonl(data.dataset); }
bool HasSplits(const DataSettings& data) { return !FromFile(data) && data.dataset != "math500"; }

constexpr char kSynthetic[] = "data.dataset is synthetic";
constexpr char kFromFile[] = "data.dataset is a .jsonl file";

}  // namespace

FieldTable<RunConfig> RunFields() {
  using S = RunConfig;
  return {
      MakeField(&S::name, "name", "", "Name of the run.", RunName()),
      MakeField(&S::folder, "folder", "", "Folder that the run writes to; empty: runs/NAME.", AnyText()),
      MakeField(&S::stage, "stage", "", "What is done: supervised fine-tuning, reinforcement learning, or distillation from a teacher.",
                OneOf({"sft", "rl", "distill"})),
      MakeField(&S::init_adapter, "init_adapter", "",
                "PEFT folder of the adapter to start from (an earlier run's `adapter` folder); empty: a fresh one.",
                AnyText()),
      MakeField(&S::seed, "seed", "", "Of initialisation, shuffling, dropout and sampling.", AnyNumber()),
      MakeField(&S::threads, "threads", "", "Threads to compute with; 0: one per core.", Between(0, 4096)),
  };
}

FieldTable<ModelSettings> ModelFields() {
  using S = ModelSettings;
  return {
      MakeField(&S::path, "path", "",
                "GGUF file or Hugging Face folder; `demo`: the demo model that ./pith fetches. Name the very file that "
                "will be shipped: the adapter then learns on its quantised weights.",
                Required("a GGUF file, a Hugging Face folder or demo")),
      MakeField(&S::dtype, "dtype", "", "Precision of the frozen base in training.", OneOf({"bfloat16", "float32"})),
  };
}

FieldTable<DataSettings> DataFields() {
  using S = DataSettings;
  return {
      MakeField(&S::dataset, "dataset", "", "Which problems: published ones, generated ones, or a file.",
                DatasetName()),
      MakeField(&S::split, "split", "", "Which part; the parts are disjoint.", OneOf({"train", "test"}))
          .When("data.dataset has splits (math500 and files have none)", HasSplits),
      MakeField(&S::limit, "limit", "problems", "The first so many after shuffling; 0: all. Generated data needs one.",
                Between(0, 1000000000)),
      MakeField(&S::seed, "seed", "", "Of the generator and the shuffle.", AnyNumber()),
      MakeField(&S::shuffle, "shuffle",
                "Shuffle before `limit` is taken (generated data is in random order anyway), and the order of training "
                "anew in each pass over the problems."),
      MakeField(&S::question_field, "question_field", "", "JSON field of the question.", Required("a field name"))
          .When(kFromFile, FromFile),
      MakeField(&S::answer_field, "answer_field", "", "JSON field of the gold answer.", Required("a field name"))
          .When(kFromFile, FromFile),
      MakeField(&S::solution_field, "solution_field", "", "JSON field of the worked solution, for SFT and distillation.",
                Required("a field name"))
          .When(kFromFile, FromFile),
      MakeField(&S::min_steps, "min_steps", "steps", "Fewest arithmetic steps of a generated problem.", Between(1, 8))
          .When(kSynthetic, Synthetic),
      MakeField(&S::max_steps, "max_steps", "steps", "Most arithmetic steps of a generated problem.", Between(1, 8))
          .When(kSynthetic, Synthetic),
      MakeField(&S::max_number, "max_number", "", "Largest number that a generated question gives.",
                Between(2, 1000000))
          .When(kSynthetic, Synthetic),
      MakeField(&S::distractor_rate, "distractor_rate", "share", "Problems with a number that does not matter.",
                Between(0, 1))
          .When(kSynthetic, Synthetic),
      MakeField(&S::brief_rate, "brief_rate", "share", "Solutions in the briefest style.", Between(0, 1))
          .When(kSynthetic, Synthetic)
          .OnlyIn({"sft", "distill"}),
      MakeField(&S::verbosity, "verbosity", "", "Style of the generated solutions.",
                OneOf({"verbose", "mixed", "short"}))
          .When(kSynthetic, Synthetic)
          .OnlyIn({"sft", "distill"}),
      MakeField(&S::system, "system", "", "System message; empty: what the chat template inserts.", AnyText()),
  };
}

FieldTable<LogSettings> LogFields() {
  using S = LogSettings;
  return {
      MakeField(&S::save_every, "save_every", "optimiser steps", "Between checkpoints; 0: only at the end.",
                Between(0, 1000000000)),
      MakeField(&S::save_minutes, "save_minutes", "minutes",
                "After which a checkpoint is written in any case, at the end of the step; 0: by steps alone.", AtLeast(0)),
      MakeField(&S::keep_checkpoints, "keep_checkpoints", "checkpoints", "Newest so many are kept.", Between(1, 1000000)),
      MakeField(&S::best_metric, "best_metric", "",
                "A name of metrics.jsonl, such as reward: a step that is better by it than all before gets a checkpoint, which is "
                "kept until the next such step; empty: none.",
                AnyText()),
      MakeField(&S::best_mode, "best_mode", "", "Whether a high or a low value of best_metric is good.", OneOf({"max", "min"}))
          .When("log.best_metric is set", [](const S& s) { return !s.best_metric.empty(); }),
      MakeField(&S::completions, "completions", "Write sampled completions to completions/step-N.jsonl.").OnlyIn({"rl"}),
      MakeField(&S::tensorboard, "tensorboard", "Write the metrics as a TensorBoard event file too."),
  };
}

}  // namespace pith
