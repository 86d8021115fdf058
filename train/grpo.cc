#include "train/grpo.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

BatchOptions Options(const TrainConfig& config) {
  BatchOptions options;
  options.micro_batch_size = config.rl.micro_batch_size;
  options.temperature = config.rollout.temperature;
  return options;
}

// A value per sequence, repeated for each of its response tokens.
at::Tensor PerToken(const GrpoBatch& batch, const std::vector<double>& values) {
  std::vector<float> out;
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    out.insert(out.end(), static_cast<size_t>(batch.sequences[i].response_length()), static_cast<float>(values[i]));
  }
  return torch::tensor(out);
}

at::Tensor Slice(const at::Tensor& t, int64_t begin, int64_t end) {
  return t.defined() ? t.narrow(0, begin, end - begin) : at::Tensor();
}

}  // namespace

std::vector<size_t> GrpoProblems(const TrainConfig& config, size_t num_problems, int64_t step) {
  std::vector<size_t> out;
  std::vector<size_t> order(num_problems);
  int64_t epoch = -1;
  for (int64_t i = step * config.rl.prompts_per_step; i < (step + 1) * config.rl.prompts_per_step; ++i) {
    if (i / static_cast<int64_t>(num_problems) != epoch) {
      epoch = i / static_cast<int64_t>(num_problems);
      std::iota(order.begin(), order.end(), size_t{0});
      if (config.data.shuffle) Rng(config.run.seed, {0x6772706f, static_cast<uint64_t>(epoch)}).Shuffle(order);
    }
    out.push_back(order[static_cast<size_t>(i % static_cast<int64_t>(num_problems))]);
  }
  return out;
}

GrpoUpdate GrpoGradients(const TrainConfig& config, const Model& model, const GrpoBatch& batch, const at::Tensor& old_logp,
                         const at::Tensor& ref_logp) {
  const GrpoTerms terms = {config.rl.clip_epsilon_low, config.rl.clip_epsilon_high, config.rl.kl_beta, config.rl.importance_cap};
  PITH_CHECK(terms.kl_beta == 0 || ref_logp.defined(), "KL without reference");
  const at::Tensor advantage = PerToken(batch, batch.advantages);
  const at::Tensor sampler = terms.importance_cap > 0 ? torch::tensor(batch.sampler_logp) : at::Tensor();
  const double normaliser = static_cast<double>(std::max<int64_t>(1, batch.loss_tokens));
  GrpoUpdate update;
  BatchOptions options = Options(config);
  const auto gradient = [&](const at::Tensor& l, int64_t begin, int64_t end) {
    at::AutoGradMode on(true);
    const at::Tensor logp = l.detach().clone().set_requires_grad(true);
    GrpoTokens tokens = {logp, old_logp.defined() ? Slice(old_logp, begin, end) : logp.detach(), Slice(sampler, begin, end),
                         Slice(ref_logp, begin, end), Slice(advantage, begin, end)};
    const at::Tensor loss = GrpoTokenLoss(terms, tokens).sum() / normaliser;
    loss.backward();
    update.loss += loss.item<double>();
    tokens.logp = logp.detach();
    update.clip_low += ClippedLow(terms, tokens).sum().item<double>();
    update.clip_high += ClippedHigh(terms, tokens).sum().item<double>();
    update.max_ratio_error = std::max(update.max_ratio_error, ((tokens.logp - tokens.old_logp).exp() - 1.0).abs().max().item<double>());
    if (terms.kl_beta != 0) update.kl += K3(tokens.logp, tokens.ref_logp).sum().item<double>();
    return logp.grad();
  };
  at::Tensor entropy;
  update.logp = RunBatch(model, batch.sequences, options, gradient, &entropy);
  const double n = static_cast<double>(std::max<int64_t>(1, update.logp.numel()));
  update.clip_low /= n;
  update.clip_high /= n;
  update.kl /= n;
  update.entropy = entropy.to(at::kDouble).sum().item<double>() / n;
  return update;
}

at::Tensor ReferenceLogProbs(const Session& session, Model& model, const GrpoBatch& batch) {
  BatchOptions options = Options(session.config);
  if (session.fresh) {
    options.forward.adapter = false;
    return RunBatch(model, batch.sequences, options, nullptr);
  }
  // The prompt's cache is the base's (or, for an always-on adapter, nobody's): only the rest depends on the adapter.
  const LoraAdapter present = model.ToLora();
  model.SetValues(session.initial);
  const at::Tensor logp = RunBatch(model, batch.sequences, options, nullptr);
  model.SetValues(present);
  return logp;
}

}  // namespace pith
