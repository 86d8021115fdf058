#include "train/rl/policy_gradients.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/policy/sampler_correction.h"
#include "train/ranks/ranks.h"

namespace pith {
namespace {

BatchOptions Options(const TrainConfig& config) {
  BatchOptions options;
  options.micro_batch = {config.rl.micro_batch_size, config.rl.micro_batch_tokens};
  options.temperature = config.rollout.temperature;
  options.forward.gradient_checkpointing = config.model.gradient_checkpointing;
  return options;
}

at::Tensor Slice(const at::Tensor& t, int64_t begin, int64_t end) {
  return t.defined() ? t.narrow(0, begin, end - begin) : at::Tensor();
}

// The lengths of the sequences that make up tokens [begin, end).
std::vector<int64_t> LengthsWithin(const std::vector<int64_t>& lengths, int64_t begin, int64_t end) {
  std::vector<int64_t> out;
  int64_t token = 0;
  for (int64_t length : lengths) {
    if (token >= begin && token + length <= end) out.push_back(length);
    token += length;
  }
  return out;
}

void CheckFinite(const at::Tensor& values, const std::string& what, const PolicyBatch& batch, int64_t begin) {
  const at::Tensor bad = at::isfinite(values).logical_not();
  if (!bad.any().item<bool>()) return;
  int64_t token = begin + bad.to(at::kInt).argmax().item<int64_t>();
  size_t sequence = 0;
  while (token >= batch.sequences[sequence].response_length()) token -= batch.sequences[sequence++].response_length();
  ThrowUser(what, " of token ", token + 1, " of completion ", batch.samples.at(sequence) + 1, " of the step is not finite; the adapter was not "
            "updated. Lower optimizer.learning_rate, or resume from the last checkpoint");
}

// What each rank measured of its own sequences becomes that of all; tokens of other ranks are zero in `low` and `high`.
void SumOverRanks(const Ranks& ranks, PolicyUpdate* update, double* kl, const at::Tensor& low, const at::Tensor& high) {
  if (ranks.size() == 1) return;
  std::vector<double> sums(3 + static_cast<size_t>(ranks.size()));
  sums[0] = update->loss, sums[1] = update->policy_loss, sums[2] = *kl;
  sums[3 + static_cast<size_t>(ranks.rank())] = update->max_ratio_error;
  ranks.Sum(std::span(sums));
  update->loss = sums[0], update->policy_loss = sums[1], *kl = sums[2];
  update->max_ratio_error = *std::max_element(sums.begin() + 3, sums.end());
  for (const at::Tensor& clipped : {low, high}) ranks.Sum(std::span(clipped.data_ptr<float>(), static_cast<size_t>(clipped.numel())));
}

// Shares of tokens, or, with ratios of sequences, of completions. What is not among the batch's sequences was not clipped.
void MeasureClips(const PolicyTerms& terms, const PolicyBatch& batch, const at::Tensor& low, const at::Tensor& high, PolicyUpdate* update) {
  const std::vector<int64_t> lengths = batch.lengths();
  const at::Tensor counts = at::tensor(lengths, at::kLong).to(at::kDouble);
  const at::Tensor lows = SequenceSums(low.to(at::kDouble), lengths) / counts, highs = SequenceSums(high.to(at::kDouble), lengths) / counts;
  const double n = terms.sequence_ratio ? static_cast<double>(batch.unmasked) : batch.whole.minibatch_tokens;
  update->clip_low = (terms.sequence_ratio ? lows : low.to(at::kDouble)).sum().item<double>() / std::max(1.0, n);
  update->clip_high = (terms.sequence_ratio ? highs : high.to(at::kDouble)).sum().item<double>() / std::max(1.0, n);
  const bool all = static_cast<int64_t>(lengths.size()) == batch.unmasked;
  update->clip_low_min = all && !lengths.empty() ? lows.min().item<double>() : 0.0;
  update->clip_high_max = lengths.empty() ? 0.0 : highs.max().item<double>();
}

}  // namespace

PolicyUpdate AddPolicyGradients(const TrainConfig& config, const Model& model, const PolicyBatch& batch) {
  const PolicyTerms terms = MakePolicyTerms(config.rl, config.rollout.max_completion_tokens);
  const CorrectionTerms correction = MakeCorrectionTerms(config.rl);
  PITH_CHECK(terms.kl_beta == 0 || batch.ref_logp.defined(), "KL without reference");
  const std::vector<int64_t> lengths = batch.lengths();
  const at::Tensor advantage = at::tensor(batch.advantages, at::kFloat), share = TokenShares(terms, batch.whole, lengths);
  const at::Tensor sampler = at::tensor(batch.sampler_logp, at::kFloat);
  at::Tensor weights;
  if (batch.old_logp.defined()) weights = CorrectionWeights(correction, batch.old_logp, sampler, lengths);
  const bool corrects = correction.kind != Correction::kNone;

  PolicyUpdate update;
  double kl = 0;
  at::Tensor clipped_low = at::zeros({share.numel()}), clipped_high = at::zeros({share.numel()});
  BatchOptions options = Options(config);
  options.whole_sequences = terms.sequence_ratio || (correction.sequence() && !batch.old_logp.defined());
  const auto gradient = [&](const at::Tensor& l, const at::Tensor& h, int64_t begin, int64_t end) {
    CheckFinite(l, "the policy's log-probability", batch, begin);
    at::AutoGradMode on(true);
    PolicyTokens tokens;
    tokens.logp = l.detach().clone().set_requires_grad(true);
    if (terms.entropy_coef != 0) tokens.entropy = h.detach().clone().set_requires_grad(true);
    if (options.whole_sequences) tokens.lengths = LengthsWithin(lengths, begin, end);
    tokens.old_logp = batch.old_logp.defined() ? Slice(batch.old_logp, begin, end) : tokens.logp.detach();
    tokens.ref_logp = Slice(batch.ref_logp, begin, end);
    tokens.advantage = Slice(advantage, begin, end);
    tokens.share = Slice(share, begin, end);
    tokens.kept = Slice(batch.kept, begin, end);
    tokens.weight = weights.defined() || !corrects ? Slice(weights, begin, end)
                                                   : CorrectionWeights(correction, tokens.old_logp, Slice(sampler, begin, end), tokens.lengths);
    const PolicyLoss loss = ComputePolicyLoss(terms, batch.whole, tokens);
    loss.loss.backward();
    update.loss += loss.loss.item<double>();
    update.policy_loss += loss.policy;
    if (loss.kl.defined()) kl += loss.kl.sum().item<double>();
    Slice(clipped_low, begin, end).copy_(loss.clipped_low);
    Slice(clipped_high, begin, end).copy_(loss.clipped_high);
    update.max_ratio_error = std::max(update.max_ratio_error, loss.max_ratio_error);
    return RowGradients{tokens.logp.grad(), tokens.entropy.defined() ? tokens.entropy.grad() : at::Tensor()};
  };
  at::Tensor entropy;
  update.logp = RunBatch(model, batch.sequences, options, gradient, &entropy);
  SumOverRanks(model.ranks(), &update, &kl, clipped_low, clipped_high);
  const double n = static_cast<double>(std::max<int64_t>(1, update.logp.numel()));
  update.kl = kl / n;
  update.entropy = entropy.to(at::kDouble).sum().item<double>() / n;
  MeasureClips(terms, batch, clipped_low, clipped_high, &update);
  return update;
}

void KeepTopEntropy(const TrainConfig& config, const Model& model, PolicyBatch* batch) {
  if (config.rl.top_entropy_quantile >= 1 || batch->sequences.empty()) return;
  at::Tensor entropy;
  PolicyLogProbs(config, model, batch->sequences, &entropy);
  batch->kept = (entropy >= TopEntropyThreshold(entropy, config.rl.top_entropy_quantile)).to(at::kFloat);
  batch->whole.kept_tokens = batch->kept.sum().item<double>();
}

at::Tensor PolicyLogProbs(const TrainConfig& config, const Model& model, std::span<const TrainSequence> sequences, at::Tensor* entropy) {
  return RunBatch(model, sequences, Options(config), nullptr, entropy);
}

at::Tensor ReferenceLogProbs(const Session& session, Model& model, std::span<const TrainSequence> sequences) {
  BatchOptions options = Options(session.config);
  if (session.fresh) {
    options.forward.adapter = false;
    return RunBatch(model, sequences, options, nullptr);
  }
  // The prompt's cache is the base's (or, for an always-on adapter, nobody's): only the rest depends on the adapter.
  const LoraAdapter present = model.ToLora();
  model.SetValues(session.initial);
  const at::Tensor logp = RunBatch(model, sequences, options, nullptr);
  model.SetValues(present);
  return logp;
}

}  // namespace pith
