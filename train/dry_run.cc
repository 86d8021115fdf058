#include "train/dry_run.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/process_memory.h"
#include "base/progress.h"
#include "configs/load.h"
#include "train/forecast/memory.h"
#include "train/forecast/time.h"
#include "train/heads/switcher.h"
#include "train/heads/verifier.h"
#include "train/model/optimizer.h"
#include "train/ranks/ranks.h"
#include "train/run/run_folder.h"
#include "train/supervised/example_order.h"
#include "train/supervised/sft.h"
#include "train/supervised/teacher.h"
#include "train/supervised/traces.h"

namespace pith {
namespace {

std::string Megabytes(int64_t bytes) {
  char text[40];
  std::snprintf(text, sizeof text, "%.0f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

std::string Indent(const std::string& text) {
  std::istringstream in(text);
  std::string out, line;
  while (std::getline(in, line)) out += "  " + line + "\n";
  return out;
}

int64_t ProcessBytes() { return ReadProcessMemory().rss_mb << 20; }

// What the machine has for it: what this process holds already is its own. Nothing: it does not say.
std::optional<int64_t> RoomFor(const MemoryForecast& m) {
  const std::optional<int64_t> left = AvailableBytes();
  return left ? std::optional(*left + m.process) : std::nullopt;
}

// What it needs, against what there is.
std::string ShownMemory(const TrainConfig& config, const RunShapes& shapes, const MemoryForecast& m, const std::string& sampler_note) {
  std::ostringstream out;
  out << "# memory at the peak, about\n  this process " << Megabytes(m.process) << ", the file as it is mapped " << Megabytes(m.file) << ", base " << Megabytes(m.base)
      << ", adapter and optimiser " << Megabytes(m.adapter) << ", activations " << Megabytes(m.activations);
  if (m.teacher > 0) out << ", teacher " << Megabytes(m.teacher);
  if (m.sampler > 0) out << ", sampler " << Megabytes(m.sampler) << sampler_note;
  out << ": " << Megabytes(m.total()) << "\n";
  const std::optional<int64_t> room = RoomFor(m);
  if (!room) return out.str();
  out << "  the machine has " << Megabytes(*room) << " for it";
  if (m.total() <= *room) {
    out << ": it fits\n";
  } else if (const auto remedy = WhatWouldFit(config, shapes, m, *room)) {
    out << ": it does not fit, but with " << remedy->key << ": " << remedy->value << " it would, taking " << Megabytes(remedy->bytes) << "\n";
  } else {
    out << ": it does not fit, and no one setting would make it fit; take a smaller base, or a larger machine\n";
  }
  return out.str();
}

// How a dry run ends: the parameters, the memory, a step's time (where `time` says one), the run's folder, and what is not there yet.
std::string ShownNeeds(const TrainConfig& config, int64_t trained, const std::string& memory, const std::string& time, const std::vector<MissingInput>& missing) {
  std::ostringstream out;
  out << "  " << trained << " trained parameters\n\n" << memory << time << "\nrun folder: " << RunFolderPath(config) << " (nothing was written)\n";
  if (!missing.empty()) out << "\n# not there yet, and needed when the run begins\n";
  for (const MissingInput& input : missing) out << "  " << input.key << ": " << input.path << "\n";
  return out.str();
}

std::string Seconds(double seconds) {
  char text[40];
  std::snprintf(text, sizeof text, seconds < 1 ? "%.2f s" : seconds < 100 ? "%.1f s" : "%.0f s", seconds);
  return text;
}

std::string ShownTime(const Session& session, const RunShapes& shapes, const std::vector<SftExample>& examples) {
  const TimeForecast t = ForecastTime(session, shapes, examples);
  std::ostringstream out;
  out << "\n# time, as this machine is now, about\n  a step " << Seconds(t.total()) << ": ";
  if (t.sampling > 0) out << "sampling " << Seconds(t.sampling) << " (completions of " << session.config.rollout.max_completion_tokens << " tokens; less where they end before), ";
  out << "prompts " << Seconds(t.encoding) << ", learning " << Seconds(t.learning) << ", the optimiser " << Seconds(t.updating) << "\n  " << shapes.total_steps << " steps: "
      << FormatDuration(t.total() * static_cast<double>(shapes.total_steps)) << ", without evaluations\n";
  return out.str();
}

}  // namespace

std::string DryRun(const Session& session) {
  const TrainConfig& config = session.config;
  std::ostringstream out;
  out << "# resolved configuration\n" << DumpTrainConfig(config) << "\n";
  if (!session.problems.empty()) {
    const PreparedProblem& first = session.problems.front();
    out << "# first prompt (" << first.prompt.ids.size() << " tokens; the adapter acts from token " << first.prompt.invocation_start << " on)\n"
        << Indent(session.prompter->tokenizer().Decode(first.prompt.ids, /*with_control=*/true)) << "\n";
    const auto told = std::find_if(session.problems.begin(), session.problems.end(), [](const PreparedProblem& p) { return !p.announcement.empty(); });
    if (told != session.problems.end()) {
      out << "# its response begins under a budget of " << told->budget_tokens << " with (" << told->announcement.size() << " tokens, forced)\n"
          << Indent(session.prompter->tokenizer().Decode(told->announcement, /*with_control=*/true)) << "\n";
    }
  }
  if (config.run.stage == "verifier" || config.run.stage == "switcher") {
    out << (config.run.stage == "verifier" ? DescribeVerifierRun(session) : DescribeSwitcherRun(session)) << "\nrun folder: " << RunFolderPath(config) << " (nothing was written)\n";
    if (!session.missing.empty()) out << "\n# not there yet, and needed when the run begins\n";
    for (const MissingInput& input : session.missing) out << "  " << input.key << ": " << input.path << "\n";
    return out.str();
  }
  out << "# batches\n";
  std::vector<SftExample> examples;
  int64_t teacher_bytes = 0;
  const bool has_teacher = std::none_of(session.missing.begin(), session.missing.end(),
                                        [](const MissingInput& input) { return input.key.starts_with("distill."); });
  if (config.run.stage == "distill" && has_teacher) {
    const Teacher teacher = LoadTeacher(session);
    if (config.distill.mode == "traces") {
      out << "  " << session.problems.size() << " problems x " << config.distill.samples << " samples of " << teacher.path << ", of at most "
          << config.distill.max_tokens << " tokens, of which " << config.distill.keep << " ones are kept: " << TracesPath(config) << "\n";
    } else {
      teacher_bytes = WeightBytes(teacher.base->config(), config.model.dtype == "float32" ? 4 : 2);
    }
  }
  if (session.problems.empty()) {
    out << "  how many depends on data that is not there yet\n";
  } else if (config.run.stage == "sft" || (config.run.stage == "distill" && config.distill.mode == "logits")) {
    examples = MakeSftExamples(session);
    const ExampleOrder order(config, SourcesOf(session, examples));
    CheckWarmup(config.optimizer, order.steps());
    int64_t prompt = 0, response = 0;
    for (const SftExample& e : examples) {
      prompt += static_cast<int64_t>(session.problems[e.problem].prompt.ids.size());
      response += static_cast<int64_t>(e.response.size());
    }
    const auto n = static_cast<int64_t>(examples.size());
    out << "  " << n << " examples x " << config.sft.epochs << " epochs / " << config.sft.batch_size << " per step = "
        << order.steps() << " optimiser steps\n"
        << "  tokens per epoch: " << prompt << " in prompts, " << response << " in responses (" << response / n << " per response)\n"
        << order.Describe();
    if (const std::string budgets = DescribeBudgets(session, examples); !budgets.empty()) out << "  " << budgets << "\n";
  } else if (config.run.stage == "rl") {
    if (config.rl.epochs > 0) out << "  " << config.rl.epochs << " epochs: " << config.rl.steps << " steps\n";
    CheckWarmup(config.optimizer, config.rl.steps * config.rl.updates_per_step());
    out << "  " << config.rl.steps << " steps x " << config.rl.updates_per_step() << " updates = "
        << config.rl.steps * config.rl.updates_per_step() << " optimiser steps\n"
        << "  " << config.rl.prompts_per_step << " prompts x " << config.rl.group_size << " completions = "
        << config.rl.prompts_per_step * config.rl.group_size << " completions per step, of at most " << config.rollout.max_completion_tokens
        << " tokens: at most " << config.rl.prompts_per_step * config.rl.group_size * config.rollout.max_completion_tokens << " tokens per step\n"
        << "  " << session.num_problems() << " problems, each seen about "
        << static_cast<double>(config.rl.steps * config.rl.prompts_per_step) / static_cast<double>(session.num_problems()) << " times\n";
  }
  const RunShapes shapes = ShapesOf(session, examples);
  MemoryForecast memory = ForecastMemory(config, shapes, ProcessBytes());
  memory.teacher = teacher_bytes;
  const bool fits = memory.total() <= RoomFor(memory).value_or(INT64_MAX);
  // Among ranks all would have to take part.
  const bool measured = fits && Ranks::World().size() == 1 && !session.problems.empty() && (config.run.stage == "rl" || (config.run.stage == "sft" && !examples.empty()));
  out << ShownNeeds(config, shapes.trained, ShownMemory(config, shapes, memory, ""), measured ? ShownTime(session, shapes, examples) : "", session.missing);
  return out.str();
}

bool HoldsShapesAlone(const std::string& path) {
  if (!FileExists(path + "/config.json")) return false;
  for (const char* weights : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (FileExists(path + "/" + weights)) return false;
  }
  return true;
}

std::string DryRunOfShapes(const TrainConfig& config, const ModelConfig& model) {
  constexpr int64_t kLongestPrompt = 1024;  // tokens: longer than all of GSM8K's and nearly all of MATH's
  const int64_t longest_prompt = std::min(kLongestPrompt, model.context_length);
  const RunShapes shapes = ShapesOf(config, model, longest_prompt);
  const MemoryForecast memory = ForecastMemory(config, shapes, ProcessBytes());
  std::ostringstream out;
  out << "# resolved configuration\n" << DumpTrainConfig(config) << "\n# batches\n"
      << ShownNeeds(config, shapes.trained, ShownMemory(config, shapes, memory, Str(" (prompts of ", longest_prompt, " tokens)")), "",
                    {{"model.path", "the weights (" + config.model.path + " has a description of the model alone)"}});
  return out.str();
}

}  // namespace pith
