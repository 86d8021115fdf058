// Tables of the sections that every stage reads: the run itself, model, log.
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

}  // namespace

FieldTable<RunConfig> RunFields() {
  using S = RunConfig;
  return {
      MakeField(&S::name, "name", "", "Name of the run.", RunName()),
      MakeField(&S::folder, "folder", "", "Folder that the run writes to; empty: runs/NAME.", AnyText()),
      MakeField(&S::stage, "stage", "", "What is done: supervised fine-tuning, reinforcement learning, distillation from a teacher, or a head fitted to a trained adapter's answers: a verifier of them, or a switcher between adapter and base.",
                OneOf({"sft", "rl", "distill", "verifier", "switcher"})),
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
                "GGUF file, Hugging Face folder, or org/name from Hugging Face's cache; `demo`: the demo model that ./pith fetches "
                "(docs/bases.md). Name the very file that will be shipped: the adapter then learns on its quantised weights.",
                Required("a GGUF file, a Hugging Face folder or demo")),
      MakeField(&S::dtype, "dtype", "", "Precision of the frozen base in training.", OneOf({"bfloat16", "float32"}))
          .OnlyIn({"sft", "rl", "distill"}),
      MakeField(&S::gradient_checkpointing, "gradient_checkpointing",
                "Keep only what enters each layer and compute the rest again for the gradients, which stay the same to the bit: "
                "about a sixth of the memory for activations, for a third more time in learning.")
          .OnlyIn({"sft", "rl", "distill"}),
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
                AnyText())
          .OnlyIn({"sft", "rl", "distill"}),
      MakeField(&S::best_mode, "best_mode", "", "Whether a high or a low value of best_metric is good.", OneOf({"max", "min"}))
          .When("log.best_metric is set", [](const S& s) { return !s.best_metric.empty(); })
          .OnlyIn({"sft", "rl", "distill"}),
      MakeField(&S::completions, "completions", "Write sampled completions to completions/step-N.jsonl.").OnlyIn({"rl", "verifier", "switcher"}),
      MakeField(&S::tensorboard, "tensorboard", "Write the metrics as a TensorBoard event file too."),
      MakeField(&S::command, "command", "",
                "Program and arguments of a process that is sent each line of metrics.jsonl on its standard input, such as a feeder of "
                "W&B or MLflow (docs/runs.md). One that fails or is slow never stops or slows the run. Empty: none.",
                Required("a text")),
  };
}

}  // namespace pith
