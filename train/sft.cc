#include "train/sft.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>

#include <ATen/CPUGeneratorImpl.h>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/rng.h"
#include "train/rate_check.h"

namespace pith {
namespace {

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

std::vector<const Prompt*> Prompts(const Session& session, const std::vector<SftExample>& examples) {
  std::vector<const Prompt*> prompts;
  for (const SftExample& e : examples) prompts.push_back(&session.problems[e.problem].prompt);
  return prompts;
}

}  // namespace

std::vector<SftExample> MakeSftExamples(const Session& session) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const int32_t end = EndOfTurn(tokenizer);
  std::vector<SftExample> examples;
  int64_t too_long = 0, without = 0;
  for (size_t i = 0; i < session.problems.size(); ++i) {
    const PreparedProblem& p = session.problems[i];
    if (p.problem.solution.empty()) {
      ++without;
      continue;
    }
    SftExample e;
    e.problem = i;
    e.response = tokenizer.Encode(p.problem.solution);
    e.response.push_back(end);
    CheckIds(session, e.response, Str("the solution of problem ", p.problem.id, " with its end of turn"));
    if (static_cast<int64_t>(p.prompt.ids.size() + e.response.size()) > session.config.sft.max_length) {
      ++too_long;
      continue;
    }
    examples.push_back(std::move(e));
  }
  if (without > 0) LogWarning(Str(without, " problems have no solution and are left out of SFT"));
  if (too_long > 0) LogWarning(Str(too_long, " examples are longer than sft.max_length = ", session.config.sft.max_length, " tokens and are left out"));
  int64_t trained = 0, tokens = 0;
  for (const auto& [name, pair] : session.initial.pairs) trained += pair.num_trained();
  for (const SftExample& e : examples) tokens += static_cast<int64_t>(e.response.size());
  if (const std::string warning = CapacityWarning(trained, tokens); !warning.empty()) LogWarning(warning);
  if (examples.empty()) ThrowUser("no example is left for SFT: ", without, " have no solution, ", too_long, " are longer than sft.max_length");
  return examples;
}

int64_t SftSteps(const TrainConfig& config, size_t num_examples) {
  const auto n = static_cast<int64_t>(num_examples);
  return config.sft.epochs * ((n + config.sft.batch_size - 1) / config.sft.batch_size);
}

std::vector<size_t> SftBatch(const TrainConfig& config, size_t num_examples, int64_t step) {
  const int64_t per_epoch = SftSteps(config, num_examples) / config.sft.epochs, epoch = step / per_epoch;
  std::vector<size_t> order(num_examples);
  std::iota(order.begin(), order.end(), size_t{0});
  if (config.data.shuffle) Rng(config.run.seed, {0x736674, static_cast<uint64_t>(epoch)}).Shuffle(order);
  const auto begin = static_cast<size_t>((step % per_epoch) * config.sft.batch_size);
  const size_t end = std::min(num_examples, begin + static_cast<size_t>(config.sft.batch_size));
  return {order.begin() + static_cast<int64_t>(begin), order.begin() + static_cast<int64_t>(end)};
}

SftStepResult SftGradients(const Session& session, const Model& model, const PromptEncoder& encoder,
                           const std::vector<SftExample>& examples, std::span<const size_t> batch, int64_t step) {
  std::vector<const Prompt*> prompts;
  for (size_t i : batch) prompts.push_back(&session.problems[examples[i].problem].prompt);
  const std::vector<EncodedPrompt> encoded = encoder.Encode(prompts);
  std::vector<TrainSequence> sequences;
  SftStepResult result;
  for (size_t i = 0; i < batch.size(); ++i) {
    sequences.push_back(MakeSequence(encoded[i], *prompts[i], examples[batch[i]].response));
    result.response_tokens += sequences.back().response_length();
    result.run_tokens += static_cast<int64_t>(prompts[i]->ids.size()) + sequences.back().response_length();
  }
  BatchOptions options;
  options.micro_batch_size = session.config.sft.micro_batch_size;
  options.forward.dropout = session.config.adapter.dropout;
  if (options.forward.dropout > 0) {
    options.forward.generator = at::make_generator<at::CPUGeneratorImpl>(
        Rng(session.config.run.seed, {0x64726f70, static_cast<uint64_t>(step)}).Next());
  }
  const double weight = -1.0 / static_cast<double>(result.response_tokens);
  const at::Tensor logp = RunBatch(model, sequences, options,
                                   [&](const at::Tensor& l, int64_t, int64_t) { return at::full_like(l, weight); });
  result.loss = -logp.to(at::kDouble).mean().item<double>();
  return result;
}

void RunSft(const Session& session, const RunOptions& options) {
  const TrainConfig& config = session.config;
  const std::vector<SftExample> examples = MakeSftExamples(session);
  const int64_t total = SftSteps(config, examples.size());
  CheckWarmup(config.optimizer, total);
  const std::unique_ptr<Model> model = MakeModel(session);
  Optimizer optimizer(config.optimizer, model->parameters());
  RunFolder folder(config, options.mode);
  RunProgress progress = options.mode == FolderMode::kResume ? folder.Resume(*model, optimizer) : RunProgress();
  const PromptEncoder encoder(*model, Prompts(session, examples));
  std::optional<ProgressBar> bar;
  if (!options.quiet) bar.emplace(config.run.name, total);
  while (progress.step < total) {
    const int64_t step = progress.step;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<size_t> batch = SftBatch(config, examples.size(), step);
    const SftStepResult r = SftGradients(session, *model, encoder, examples, batch, step);
    if (!std::isfinite(r.loss)) {
      ThrowUser("the loss of step ", step + 1, " is not finite (the log-probabilities of its responses); the adapter was not updated. "
                "Lower optimizer.learning_rate, or resume from the last checkpoint");
    }
    const Optimizer::StepInfo info = optimizer.Step(step, total);
    model->AdapterChanged();
    progress = {step + 1, progress.num_tokens + r.run_tokens};
    const double seconds = Seconds(start);
    const double rate = static_cast<double>(r.run_tokens) / seconds;
    folder.AppendMetrics(step + 1, {{"loss", r.loss},
                                    {"grad_norm", info.grad_norm},
                                    {"learning_rate", info.learning_rate},
                                    {"epoch", static_cast<double>((step + 1) * config.sft.epochs) / static_cast<double>(total)},
                                    {"num_tokens", static_cast<double>(progress.num_tokens)},
                                    {"completion_tokens", static_cast<double>(r.response_tokens)},
                                    {"tokens_per_second", rate},
                                    {"step_time", seconds}});
    if (bar) {
      char line[200];
      std::snprintf(line, sizeof line, "step %lld/%lld  loss %.4f  grad %.3f  rate %.2e  %.0f tok/s", static_cast<long long>(step + 1),
                    static_cast<long long>(total), r.loss, info.grad_norm, info.learning_rate, rate);
      bar->Print(line);
      bar->Update(step + 1);
    }
    const bool stop = step + 1 == options.stop_after_step;
    if (stop || step + 1 == total || (config.log.save_every > 0 && (step + 1) % config.log.save_every == 0)) {
      folder.Save(progress, *model, optimizer);
    }
    if (stop) return;
  }
  folder.WriteAdapter(model->ToLora());
}

}  // namespace pith
