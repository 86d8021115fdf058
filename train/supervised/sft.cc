#include "train/supervised/sft.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/full_like.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "configs/data_sources.h"
#include "train/advice/rate_check.h"
#include "train/ranks/ranks.h"

namespace pith {
namespace {

int64_t LargestBudget(const BudgetSettings& budget) {
  return budget.choices.empty() ? budget.tokens : *std::max_element(budget.choices.begin(), budget.choices.end());
}

// What became of the problems of one source.
struct Tally {
  int64_t kept = 0, without = 0, too_long = 0, brief = 0, verbose = 0, over = 0;

  // Says what was left out; UserError where that is all.
  void Report(const TrainConfig& config, size_t source) const {
    const DatasetSettings& data = SourceSettings(config.data, source);
    const bool mix = !config.data.sources.empty();
    const std::string name = mix ? SourceName(config.data.sources[source]) : "", prefix = mix ? "source " + name + ": " : "";
    if (without > 0) LogWarning(Str(prefix, without, " problems have no solution and are left out"));
    if (too_long > 0) LogWarning(Str(prefix, too_long, " examples are longer than sft.max_length = ", config.sft.max_length, " tokens and are left out"));
    const int64_t solutions = kept + too_long + brief + verbose + over, largest = LargestBudget(config.budget);
    if (over > 0) {
      LogWarning(Str(prefix, over, " of ", solutions, " solutions take more tokens than the largest budget, ", largest, ", and are left out: they would teach to break it"));
    }
    if (brief > 0) LogInfo(Str(prefix, brief, " of ", solutions, " solutions have fewer than min_response_tokens = ", data.min_response_tokens, " and are left out"));
    if (verbose > 0) LogInfo(Str(prefix, verbose, " of ", solutions, " solutions have more than max_response_tokens = ", data.max_response_tokens, " and are left out"));
    if (kept > 0) return;
    std::string why = Str(without, " have no solution, ", too_long, " are longer than sft.max_length");
    if (over > 0) why += Str(", ", over, " take more tokens than the largest budget, ", largest);
    if (data.min_response_tokens > 0) why += Str(", ", brief, " have fewer tokens than min_response_tokens");
    if (data.max_response_tokens > 0) why += Str(", ", verbose, " have more tokens than max_response_tokens");
    ThrowUser("no example is left", mix ? " of source " + name : "", ": ", why);
  }
};

void WarnOfCapacity(const Session& session, const std::vector<SftExample>& examples) {
  int64_t trained = 0, tokens = 0;
  for (const auto& [name, pair] : session.initial.pairs) trained += pair.num_trained();
  for (const SftExample& e : examples) tokens += e.learned();
  if (const std::string warning = CapacityWarning(trained, tokens); !warning.empty()) LogWarning(warning);
}

// Of budget.choices, in their order.
std::vector<std::pair<int64_t, int64_t>> CountByBudget(const Session& session, const std::vector<SftExample>& examples) {
  std::vector<std::pair<int64_t, int64_t>> counts;
  for (const int64_t budget : session.config.budget.choices) {
    counts.emplace_back(budget, std::count_if(examples.begin(), examples.end(), [&](const SftExample& e) { return session.problems[e.problem].budget_tokens == budget; }));
  }
  return counts;
}

void WarnOfUnusedBudgets(const Session& session, const std::vector<SftExample>& examples) {
  for (const auto& [budget, count] : CountByBudget(session, examples)) {
    if (count > 0) continue;
    LogWarning(Str("budget.choices: no example has ", budget, budget > 0 ? "" : " (none)", ", since all keep smaller ones or take more; the adapter will not learn of it"));
  }
}

// Those of the right length; what is left out is counted and said.
std::vector<SftExample> Choose(const Session& session, std::vector<SftExample> all) {
  const TrainConfig& config = session.config;
  std::vector<SftExample> examples;
  std::vector<Tally> tallies(NumSources(config.data));
  std::vector<bool> solved(session.problems.size(), false);
  for (SftExample& e : all) {
    const PreparedProblem& p = session.problems[e.problem];
    solved[e.problem] = true;
    const DatasetSettings& data = SourceSettings(config.data, p.source);
    Tally& tally = tallies.at(p.source);
    const int64_t tokens = e.learned();
    if (tokens < data.min_response_tokens) {
      ++tally.brief;
    } else if (data.max_response_tokens > 0 && tokens > data.max_response_tokens) {
      ++tally.verbose;
    } else if (p.breaks_budget()) {
      ++tally.over;
    } else if (static_cast<int64_t>(p.prompt.ids.size() + e.response.size()) > config.sft.max_length) {
      ++tally.too_long;
    } else {
      ++tally.kept;
      examples.push_back(std::move(e));
    }
  }
  for (size_t i = 0; i < solved.size(); ++i) tallies.at(session.problems[i].source).without += solved[i] ? 0 : 1;
  for (size_t s = 0; s < tallies.size(); ++s) tallies[s].Report(config, s);
  WarnOfCapacity(session, examples);
  WarnOfUnusedBudgets(session, examples);
  return examples;
}

}  // namespace

std::string DescribeBudgets(const Session& session, const std::vector<SftExample>& examples) {
  std::string text;
  for (const auto& [budget, count] : CountByBudget(session, examples)) {
    text += Str(text.empty() ? "budgets: " : ", ", budget > 0 ? std::to_string(budget) : "none", " for ", count, count == 1 ? " example" : " examples");
  }
  return text;
}

std::vector<SftExample> MakeExamples(const Session& session, const std::vector<Solution>& solutions) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const int32_t end = EndOfTurn(tokenizer);
  std::vector<SftExample> examples;
  for (const Solution& solution : solutions) {
    SftExample e{solution.problem, tokenizer.Encode(solution.text)};
    e.response.push_back(end);
    CheckIds(session, e.response, Str("the solution of ", NameOf(session.problems[solution.problem].problem), " with its end of turn"));
    examples.push_back(std::move(e));
  }
  return Choose(session, std::move(examples));
}

std::vector<SftExample> MakeSftExamples(const Session& session) {
  std::vector<SftExample> examples;
  for (size_t i = 0; i < session.problems.size(); ++i) {
    const PreparedProblem& p = session.problems[i];
    if (p.said.empty()) continue;
    SftExample e{i, p.announcement, static_cast<int64_t>(p.announcement.size())};
    e.response.insert(e.response.end(), p.said.begin(), p.said.end());
    examples.push_back(std::move(e));
  }
  return Choose(session, std::move(examples));
}

std::vector<size_t> SourcesOf(const Session& session, const std::vector<SftExample>& examples) {
  std::vector<size_t> sources;
  for (const SftExample& e : examples) sources.push_back(session.problems[e.problem].source);
  return sources;
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

void CheckFinite(const Session& session, const std::vector<SftExample>& examples, std::span<const size_t> batch,
                 const std::vector<TrainSequence>& sequences, const at::Tensor& values, const std::string& what, int64_t step) {
  const float* next = values.data_ptr<float>();
  for (size_t i = 0; i < batch.size(); ++i) {
    for (int64_t t = 0; t < sequences[i].response_length(); ++t, ++next) {
      if (std::isfinite(*next)) continue;
      ThrowUser("step ", step + 1, ": the ", what, " of token ", t + 1, " of ", sequences[i].response_length(),
                " of the solution of ", NameOf(session.problems[examples[batch[i]].problem].problem), " is ", std::isnan(*next) ? "not a number" : "infinite",
                "; the adapter was not updated. Lower optimizer.learning_rate in a new run, from an earlier checkpoint's adapter "
                "(init_adapter) if that is good");
    }
  }
}

TrainSequence SequenceOf(const EncodedPrompt& encoded, const Prompt& prompt, const SftExample& example) {
  std::vector<uint8_t> learned(example.response.size(), 1);
  std::fill_n(learned.begin(), example.announced, 0);
  return MakeSequence(encoded, prompt, example.response, learned);
}

Metrics LossByBudget(const Session& session, const std::vector<SftExample>& examples, std::span<const size_t> batch, const SftStepResult& result) {
  Metrics metrics;
  for (const int64_t budget : session.config.budget.choices) {
    double loss = 0, tokens = 0;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (session.problems[examples[batch[i]].problem].budget_tokens != budget) continue;
      loss += result.losses[i];
      tokens += static_cast<double>(result.tokens[i]);
    }
    if (tokens > 0) metrics.emplace_back(Str("loss/by_budget/", budget), loss / tokens);
  }
  return metrics;
}

SftSequences MakeSequences(const Session& session, const PromptEncoder& encoder, const std::vector<SftExample>& examples,
                           std::span<const size_t> batch) {
  std::vector<const Prompt*> prompts;
  for (size_t i : batch) prompts.push_back(&session.problems[examples[i].problem].prompt);
  const std::vector<EncodedPrompt> encoded = encoder.Encode(prompts);
  SftSequences result;
  for (size_t i = 0; i < batch.size(); ++i) {
    const SftExample& example = examples[batch[i]];
    result.sequences.push_back(SequenceOf(encoded[i], *prompts[i], example));
    result.response_tokens += result.sequences.back().response_length();
    result.run_tokens += static_cast<int64_t>(prompts[i]->ids.size() + example.response.size());
  }
  return result;
}

SftStepResult MeanOf(const SftSequences& run, const at::Tensor& losses) {
  SftStepResult result;
  result.loss = losses.to(at::kDouble).mean().item<double>();
  result.response_tokens = run.response_tokens;
  result.run_tokens = run.run_tokens;
  const float* next = losses.data_ptr<float>();
  for (const TrainSequence& sequence : run.sequences) {
    result.tokens.push_back(sequence.response_length());
    result.losses.push_back(0);
    for (int64_t t = 0; t < sequence.response_length(); ++t) result.losses.back() += *next++;
  }
  return result;
}

Model::ForwardOptions TrainingForward(const Session& session, int64_t step) {
  Model::ForwardOptions forward;
  forward.dropout = session.config.adapter.dropout;
  forward.gradient_checkpointing = session.config.model.gradient_checkpointing;
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
  options.micro_batch = {session.config.sft.micro_batch_size, session.config.sft.micro_batch_tokens};
  options.forward = TrainingForward(session, step);
  const double weight = -1.0 / static_cast<double>(run.response_tokens);
  const at::Tensor logp = RunBatch(model, run.sequences, options,
                                   [&](const at::Tensor& l, const at::Tensor&, int64_t, int64_t) {
                                     return RowGradients{at::full_like(l, weight), {}};
                                   });
  CheckFinite(session, examples, batch, run.sequences, logp, "log-probability", step);
  return MeanOf(run, -logp);
}

}  // namespace pith
