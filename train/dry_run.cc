#include "train/dry_run.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "adapters/lora_names.h"
#include "adapters/lora_plan.h"
#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"
#include "train/model/optimizer.h"
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

// Of a base as the trainer holds it.
int64_t WeightBytes(const ModelConfig& c, int64_t element_bytes) {
  int64_t linear = 0;
  for (const int kind : LinearKindsOf(c)) linear += LinearRows(c, kind) * LinearCols(c, kind);
  return (linear * c.num_layers + c.vocab_size * (c.d_model + 16) + (c.tied_embeddings ? 0 : c.vocab_size * c.d_model)) * element_bytes;
}

// How a dry run ends: the parameters, the memory, the run's folder, and what is not there yet. `sampler_note` goes behind the sampler's cache.
std::string ShownNeeds(const TrainConfig& config, int64_t trained, const MemoryEstimate& m, int64_t teacher_bytes, const std::string& sampler_note,
                       const std::vector<MissingInput>& missing) {
  std::ostringstream out;
  out << "  " << trained << " trained parameters\n\n# memory, about\n  base " << Megabytes(m.base) << ", adapter and optimiser " << Megabytes(m.adapter)
      << ", activations " << Megabytes(m.activations);
  if (teacher_bytes > 0) out << ", teacher " << Megabytes(teacher_bytes);
  if (m.sampler > 0) out << ", sampler's cache " << Megabytes(m.sampler) << sampler_note;
  out << ": " << Megabytes(m.total() + teacher_bytes) << "\n\nrun folder: " << RunFolderPath(config) << " (nothing was written)\n";
  if (!missing.empty()) out << "\n# not there yet, and needed when the run begins\n";
  for (const MissingInput& input : missing) out << "  " << input.key << ": " << input.path << "\n";
  return out.str();
}

}  // namespace

MemoryEstimate EstimateMemory(const Session& session) {
  int64_t trained = 0, ranks = 0, longest_prompt = 0;
  for (const auto& [name, pair] : session.initial.pairs) {
    trained += pair.num_trained();
    ranks += pair.rank;
  }
  for (const PreparedProblem& p : session.problems) longest_prompt = std::max(longest_prompt, static_cast<int64_t>(p.prompt.ids.size()));
  return EstimateMemory(session.config, session.base->config(), trained, ranks, longest_prompt);
}

MemoryEstimate EstimateMemory(const TrainConfig& config, const ModelConfig& c, int64_t trained, int64_t ranks, int64_t longest_prompt) {
  const int64_t element = config.model.dtype == "float32" ? 4 : 2;
  MemoryEstimate m;
  m.base = WeightBytes(c, element);
  m.adapter = trained * (4 * 5 + 2 * element);  // master, gradient twice, two moments; what computes
  // Per token: what enters a layer, and what a layer keeps for its gradients: residual twice and both norms, q k v (twice where they are
  // normed), attention's output, the feed-forward's matrices and what is made of them.
  const int64_t entering = (4 + element) * c.d_model;
  const int64_t kept = 8 * c.d_model + element * (2 * c.d_model + (c.qk_norm ? 2 : 1) * c.qkv_dim() + c.attention_dim() + (c.has_gate() ? 3 : 2) * c.d_ff) +
                       element * ranks / std::max<int64_t>(1, c.num_layers);
  int64_t longest = 0, sequences = 0, tokens = 0;  // of a micro-batch
  if (config.run.stage != "rl") {
    longest = config.sft.max_length;
    sequences = std::min(config.sft.micro_batch_size, config.sft.batch_size);
    tokens = config.sft.micro_batch_tokens;
  } else {
    const int64_t total_length = longest_prompt + config.rollout.max_completion_tokens;
    constexpr int64_t kInvocation = 8;  // tokens; an adapter that always acts runs the prompt with gradient too
    longest = config.adapter.activation == "always" ? total_length : config.rollout.max_completion_tokens + kInvocation;
    sequences = std::min(config.rl.micro_batch_size, config.rl.prompts_per_step * config.rl.group_size);
    tokens = config.rl.micro_batch_tokens;
    const int64_t samples = std::min<int64_t>(config.rollout.max_batch, config.rl.prompts_per_step * config.rl.group_size);
    m.sampler = (samples * config.rollout.max_completion_tokens + config.rl.prompts_per_step * total_length) * (c.k_dim() + c.v_dim()) * 4 * c.num_layers;
  }
  tokens = std::min(sequences * longest, std::max(tokens, longest));
  // The layer at hand is there twice: with its gradients. With checkpointing the first layer, which nothing trained comes before, keeps all. Beside them the head's chunk.
  const int64_t layers = config.model.gradient_checkpointing ? c.num_layers * entering + 3 * kept : (c.num_layers + 1) * kept;
  const double activations = static_cast<double>(tokens) * static_cast<double>(layers);
  m.activations = static_cast<int64_t>(std::min(activations, 1e18)) + (int64_t{16} << 20);
  return m;
}

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
  out << "# batches\n";
  int64_t trained = 0;
  for (const auto& [name, pair] : session.initial.pairs) trained += pair.num_trained();
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
    const std::vector<SftExample> examples = MakeSftExamples(session);
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
  const MemoryEstimate m = EstimateMemory(session);
  out << ShownNeeds(config, trained, m, teacher_bytes, "", session.missing);
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
  const AdapterSettings& a = config.adapter;
  int64_t trained = 0, ranks = 0;
  for (const auto& [name, pair] : PlanPairs({a.targets, a.rank, a.alpha, a.rank_pattern, a.alpha_pattern}, model)) {
    const int kind = ParseWeightName(name)->kind;
    trained += pair.rank * (LinearRows(model, kind) + LinearCols(model, kind)) + (a.dora ? LinearRows(model, kind) : 0);
    ranks += pair.rank * (a.init == "pissa" ? 2 : 1);
  }
  const int64_t longest_prompt = std::min(kLongestPrompt, model.context_length);
  const MemoryEstimate m = EstimateMemory(config, model, trained, ranks, longest_prompt);
  std::ostringstream out;
  out << "# resolved configuration\n" << DumpTrainConfig(config) << "\n# batches\n"
      << ShownNeeds(config, trained, m, 0, Str(" (prompts of ", longest_prompt, " tokens)"),
                    {{"model.path", "the weights (" + config.model.path + " has a description of the model alone)"}});
  return out.str();
}

}  // namespace pith
