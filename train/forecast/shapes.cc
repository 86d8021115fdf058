#include "train/forecast/shapes.h"

#include <algorithm>
#include <filesystem>

#include "adapters/lora_names.h"
#include "adapters/lora_plan.h"
#include "train/supervised/example_order.h"

namespace pith {
namespace {

constexpr int64_t kSteps = 200;        // of examples that are looked at: the largest micro-batch of a run is hardly larger than that of so many
constexpr int64_t kInvocation = 4;     // tokens, where no template says

TrainSequence Sequence(const Prompt& prompt, std::span<const int32_t> response, int64_t announced) {
  std::vector<uint8_t> learned(response.size(), 1);
  std::fill_n(learned.begin(), std::min(announced, static_cast<int64_t>(learned.size())), 0);
  return MakeSequence(EncodedPrompt(prompt.invocation_start), prompt, response, learned);
}

void Add(const Session& session, const std::vector<SftExample>& examples, RunShapes* shapes) {
  const TrainConfig& config = session.config;
  for (const PreparedProblem& p : session.problems) shapes->prompts.push_back(static_cast<int64_t>(p.prompt.ids.size()));
  if (config.run.stage == "rl") {
    shapes->total_steps = config.rl.steps;
    const std::vector<int32_t> longest(static_cast<size_t>(config.rollout.max_completion_tokens));
    std::vector<TrainSequence>& step = shapes->steps.emplace_back();
    for (int64_t i = 0; i < config.rl.prompts_per_step; ++i) {
      const PreparedProblem& p = session.problems[static_cast<size_t>(i) % session.problems.size()];
      for (int64_t s = 0; s < config.rl.group_size; ++s) step.push_back(Sequence(p.prompt, longest, static_cast<int64_t>(p.announcement.size())));
    }
    return;
  }
  if (examples.empty()) return;  // traces, which turn out when they are sampled
  ExampleOrder order(config, SourcesOf(session, examples));
  shapes->total_steps = order.steps();
  for (int64_t step = 0; step < std::min(kSteps, order.steps()); ++step) {
    std::vector<TrainSequence>& sequences = shapes->steps.emplace_back();
    for (const size_t i : order.Batch(step)) {
      const Prompt& prompt = session.problems[examples[i].problem].prompt;
      sequences.push_back(SequenceOf(EncodedPrompt(prompt.invocation_start), prompt, examples[i]));
    }
  }
}

// Sequences as long as they may be.
void AddLongest(const TrainConfig& config, int64_t prompt_tokens, RunShapes* shapes) {
  const bool rl = config.run.stage == "rl";
  if (!rl) prompt_tokens = std::min(prompt_tokens, config.sft.max_length / 4);
  Prompt prompt;
  prompt.ids.resize(static_cast<size_t>(prompt_tokens));
  prompt.invocation_start = config.adapter.activation == "always" ? 0 : std::max<int64_t>(0, prompt_tokens - kInvocation);
  const int64_t response = rl ? config.rollout.max_completion_tokens : std::max<int64_t>(1, config.sft.max_length - prompt_tokens);
  const int64_t n = rl ? config.rl.prompts_per_step * config.rl.group_size : config.sft.batch_size;
  shapes->prompts.assign(static_cast<size_t>(rl ? config.rl.prompts_per_step : 1), prompt_tokens);
  shapes->total_steps = rl ? config.rl.steps : 0;
  shapes->steps.emplace_back(static_cast<size_t>(n), Sequence(prompt, std::vector<int32_t>(static_cast<size_t>(response)), 0));
}

}  // namespace

MicroBatchLimit LimitOf(const TrainConfig& config) {
  if (config.run.stage == "rl") return {config.rl.micro_batch_size, config.rl.micro_batch_tokens};
  return {config.sft.micro_batch_size, config.sft.micro_batch_tokens};
}

int64_t EncodedTokens(const TrainConfig& config, const std::vector<TrainSequence>& step) {
  const size_t sharers = config.run.stage == "rl" ? static_cast<size_t>(config.rl.group_size) : 1;
  int64_t tokens = 0;
  for (size_t i = 0; i < step.size(); i += sharers) tokens += step[i].prompt.length();
  return tokens;
}

RunShapes ShapesOf(const Session& session, const std::vector<SftExample>& examples) {
  RunShapes shapes;
  shapes.model = session.base->config();
  for (const auto& [name, pair] : session.initial.pairs) {
    shapes.trained += pair.num_trained();
    shapes.ranks += pair.rank;
  }
  for (const std::string& file : session.base->files()) shapes.file_bytes += static_cast<int64_t>(std::filesystem::file_size(file));
  if (!session.problems.empty()) Add(session, examples, &shapes);
  if (shapes.steps.empty()) AddLongest(session.config, 256, &shapes);
  return shapes;
}

RunShapes ShapesOf(const TrainConfig& config, const ModelConfig& model, int64_t prompt_tokens) {
  RunShapes shapes;
  shapes.model = model;
  const AdapterSettings& a = config.adapter;
  for (const auto& [name, pair] : PlanPairs({a.targets, a.rank, a.alpha, a.rank_pattern, a.alpha_pattern}, model)) {
    const int kind = ParseWeightName(name)->kind;
    shapes.trained += pair.rank * (LinearRows(model, kind) + LinearCols(model, kind)) + (a.dora ? LinearRows(model, kind) : 0);
    shapes.ranks += pair.rank * (a.init == "pissa" ? 2 : 1);
  }
  AddLongest(config, prompt_tokens, &shapes);
  return shapes;
}

}  // namespace pith
