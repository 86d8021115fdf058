#include "train/sft.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/CPUGeneratorImpl.h>

#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "train/rate_check.h"
#include "train/run/ranks.h"

namespace pith {

void CheckFinite(const Session& session, const std::vector<SftExample>& examples, std::span<const size_t> batch,
                 const std::vector<TrainSequence>& sequences, const at::Tensor& values, const std::string& what, int64_t step) {
  const float* next = values.data_ptr<float>();
  for (size_t i = 0; i < batch.size(); ++i) {
    for (int64_t t = 0; t < sequences[i].response_length(); ++t, ++next) {
      if (std::isfinite(*next)) continue;
      ThrowUser("step ", step + 1, ": the ", what, " of token ", t + 1, " of ", sequences[i].response_length(),
                " of the solution of problem ", session.problems[examples[batch[i]].problem].problem.id, " is ", std::isnan(*next) ? "not a number" : "infinite",
                "; the adapter was not updated. Lower optimizer.learning_rate in a new run, from an earlier checkpoint's adapter "
                "(init_adapter) if that is good");
    }
  }
}

void WarnOfCapacity(const Session& session, const std::vector<SftExample>& examples) {
  int64_t trained = 0, tokens = 0;
  for (const auto& [name, pair] : session.initial.pairs) trained += pair.num_trained();
  for (const SftExample& e : examples) tokens += static_cast<int64_t>(e.response.size());
  if (const std::string warning = CapacityWarning(trained, tokens); !warning.empty()) LogWarning(warning);
}

std::optional<SftExample> MakeExample(const Session& session, size_t problem, const std::string& solution) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const PreparedProblem& p = session.problems[problem];
  SftExample e;
  e.problem = problem;
  e.response = tokenizer.Encode(solution);
  e.response.push_back(EndOfTurn(tokenizer));
  CheckIds(session, e.response, Str("the solution of problem ", p.problem.id, " with its end of turn"));
  if (static_cast<int64_t>(p.prompt.ids.size() + e.response.size()) > session.config.sft.max_length) return std::nullopt;
  return e;
}

std::vector<SftExample> MakeSftExamples(const Session& session) {
  std::vector<SftExample> examples;
  int64_t too_long = 0, without = 0;
  for (size_t i = 0; i < session.problems.size(); ++i) {
    const PreparedProblem& p = session.problems[i];
    if (p.problem.solution.empty()) {
      ++without;
      continue;
    }
    std::optional<SftExample> e = MakeExample(session, i, p.problem.solution);
    if (e) examples.push_back(std::move(*e));
    else ++too_long;
  }
  if (without > 0) LogWarning(Str(without, " problems have no solution and are left out of SFT"));
  if (too_long > 0) LogWarning(Str(too_long, " examples are longer than sft.max_length = ", session.config.sft.max_length, " tokens and are left out"));
  WarnOfCapacity(session, examples);
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

SftSequences MakeSequences(const Session& session, const PromptEncoder& encoder, const std::vector<SftExample>& examples,
                           std::span<const size_t> batch) {
  std::vector<const Prompt*> prompts;
  for (size_t i : batch) prompts.push_back(&session.problems[examples[i].problem].prompt);
  const std::vector<EncodedPrompt> encoded = encoder.Encode(prompts);
  SftSequences result;
  for (size_t i = 0; i < batch.size(); ++i) {
    result.sequences.push_back(MakeSequence(encoded[i], *prompts[i], examples[batch[i]].response));
    result.response_tokens += result.sequences.back().response_length();
    result.run_tokens += static_cast<int64_t>(prompts[i]->ids.size()) + result.sequences.back().response_length();
  }
  return result;
}

Model::ForwardOptions TrainingForward(const Session& session, int64_t step) {
  Model::ForwardOptions forward;
  forward.dropout = session.config.adapter.dropout;
  if (forward.dropout > 0) {
    forward.generator = at::make_generator<at::CPUGeneratorImpl>(
        Rng(session.config.run.seed, {0x64726f70 + (static_cast<uint64_t>(Ranks::World().rank()) << 32), static_cast<uint64_t>(step)}).Next());
  }
  return forward;
}

SftStepResult SftGradients(const Session& session, const Model& model, const PromptEncoder& encoder,
                           const std::vector<SftExample>& examples, std::span<const size_t> batch, int64_t step) {
  const SftSequences run = MakeSequences(session, encoder, examples, batch);
  BatchOptions options;
  options.micro_batch_size = session.config.sft.micro_batch_size;
  options.forward = TrainingForward(session, step);
  const double weight = -1.0 / static_cast<double>(run.response_tokens);
  const at::Tensor logp = RunBatch(model, run.sequences, options,
                                   [&](const at::Tensor& l, const at::Tensor&, int64_t, int64_t) {
                                     return RowGradients{at::full_like(l, weight), {}};
                                   });
  CheckFinite(session, examples, batch, run.sequences, logp, "log-probability", step);
  return {.loss = -logp.to(at::kDouble).mean().item<double>(), .response_tokens = run.response_tokens, .run_tokens = run.run_tokens};
}

}  // namespace pith
