// Tables of the sections about learning: sft, rl, rollout.
#include "configs/sections.h"

namespace pith {

FieldTable<SftSettings> SftFields() {
  using S = SftSettings;
  return {
      MakeField(&S::epochs, "epochs", "", "Passes over the data.", Between(1, 10000)),
      MakeField(&S::batch_size, "batch_size", "examples", "Per optimiser step.", Between(1, 65536)),
      MakeField(&S::micro_batch_size, "micro_batch_size", "examples",
                "Per forward pass at most; changes memory and speed, and the result by rounding only (with "
                "adapter.dropout, also what is dropped).",
                Between(1, 4096)),
      MakeField(&S::micro_batch_tokens, "micro_batch_tokens", "tokens",
                "Per forward pass at most, likewise, counted where the adapter acts; one longer example runs alone. Memory for activations grows with it.",
                Between(1, 100000000)),
      MakeField(&S::max_length, "max_length", "tokens",
                "Of prompt and solution, at most the model's context; longer examples are dropped, with a count.",
                Between(8, 1048576)),
  };
}

FieldTable<RlSettings> RlFields() {
  using S = RlSettings;
  const auto clips = [](const S& s) { return s.loss != "cispo"; };
  const auto corrects = [](const S& s) { return s.sampler_correction != "none"; };
  const auto has_kl = [](const S& s) { return s.kl_beta != 0; };
  const auto kl_in_loss = [](const S& s) { return s.kl_beta != 0 && s.kl_in == "loss"; };
  return {
      MakeField(&S::steps, "steps", "", "Rounds of sampling and learning.", Between(1, 1000000))
          .When("rl.epochs is 0", [](const S& s) { return s.epochs == 0; }),
      MakeField(&S::epochs, "epochs", "passes",
                "Over the problems, instead of `steps`: as many steps as draw each so often at prompts_per_step, rounded up; may be a "
                "fraction. What dynamic_sampling draws besides is not counted. 0: `steps` counts.",
                Between(0, 10000)),
      MakeField(&S::prompts_per_step, "prompts_per_step", "problems", "Per step.", Between(1, 4096)),
      MakeField(&S::group_size, "group_size", "completions",
                "Per problem. A completion is judged against its own group, so one alone teaches nothing, except with "
                "advantage: reinforce_pp.",
                Between(1, 4096))
          .Alias("num_generations"),
      MakeField(&S::micro_batch_size, "micro_batch_size", "completions",
                "Per forward pass at most; changes memory and speed, and the result by rounding only.", Between(1, 4096)),
      MakeField(&S::micro_batch_tokens, "micro_batch_tokens", "tokens",
                "Per forward pass at most, likewise, counted where the adapter acts; one longer completion runs alone. Memory for activations grows with it.",
                Between(1, 100000000)),
      MakeField(&S::updates_per_rollout, "updates_per_rollout", "passes", "Over each step's completions.",
                Between(1, 1000))
          .Alias("num_iterations"),
      MakeField(&S::minibatches, "minibatches", "optimiser steps",
                "Per pass: a step's completions are dealt into so many parts.", Between(1, 4096))
          .Alias("steps_per_generation"),
      MakeField(&S::dynamic_sampling, "dynamic_sampling",
                "Keep only groups in which some answers are right and some wrong, whatever is paid for them, and draw more "
                "problems until prompts_per_step such groups are there (DAPO)."),
      MakeField(&S::max_resample_rounds, "max_resample_rounds", "rounds",
                "Of prompts_per_step problems, at most; then the step learns from what it has.", Between(1, 1000))
          .When("rl.dynamic_sampling is true", [](const S& s) { return s.dynamic_sampling; }),
      MakeField(&S::advantage, "advantage", "",
                "How a completion's reward becomes its advantage: against its group's mean, against the mean of the others "
                "of its group (rloo), against the batch's (reinforce_pp), or against the group's with the batch's spread "
                "(reinforce_pp_baseline).",
                OneOf({"group", "rloo", "reinforce_pp", "reinforce_pp_baseline"})),
      MakeField(&S::scale_rewards, "scale_rewards", "",
                "What advantages are divided by: the standard deviation of the group's rewards, of the batch's (with rloo: "
                "of the batch's advantages), or nothing.",
                OneOf({"group", "batch", "none"}))
          .When("rl.advantage is group or rloo", [](const S& s) { return s.advantage == "group" || s.advantage == "rloo"; }),
      MakeField(&S::loss, "loss", "",
                "How token losses combine: dapo, the sum over the tokens of the step; bnpo, of the minibatch; grpo, the mean of "
                "the completions' means; dr_grpo, the sum over completions times max_completion_tokens; cispo, as dapo, with "
                "the ratio as a capped constant weight; gspo, as grpo, with one ratio per completion.",
                OneOf({"grpo", "bnpo", "dr_grpo", "dapo", "cispo", "gspo"}))
          .Alias("loss_type"),
      MakeField(&S::importance_sampling_level, "importance_sampling_level", "",
                "Whose probability ratio the loss takes: the token's, or the geometric mean over the completion.",
                OneOf({"token", "sequence"}))
          .When("rl.loss is another than gspo", [](const S& s) { return s.loss != "gspo"; }),
      MakeField(&S::clip_epsilon_low, "clip_epsilon_low", "", "The probability ratio is clipped at 1 − this.",
                AboveUpTo(0, 1))
          .Alias("epsilon")
          .When("rl.loss is another than cispo", clips),
      MakeField(&S::clip_epsilon_high, "clip_epsilon_high", "",
                "The probability ratio is clipped at 1 + this; with cispo it is capped at this itself.", Above(0))
          .Alias("epsilon_high"),
      MakeField(&S::delta, "delta", "",
                "Cap of the probability ratio where the advantage is negative, beyond which clipping would leave it free "
                "(two-sided clipping); 0: off.",
                AtLeast(0))
          .When("rl.loss is another than cispo", clips),
      MakeField(&S::kl_beta, "kl_beta", "", "Weight of the KL to the policy that RL started from; 0: off.", AtLeast(0))
          .Alias("beta"),
      MakeField(&S::kl_estimator, "kl_estimator", "",
                "With d = log reference − log policy: k1 = −d, k2 = d²/2, k3 = e^d − d − 1.", OneOf({"k1", "k2", "k3"}))
          .When("rl.kl_beta is above 0", has_kl),
      MakeField(&S::kl_in, "kl_in", "",
                "Where the KL goes: into the loss of each token, or off the reward: summed over the completion, or, with advantage: reinforce_pp, from each token on.",
                OneOf({"loss", "reward"}))
          .When("rl.kl_beta is above 0", has_kl),
      MakeField(&S::use_bias_correction_kl, "use_bias_correction_kl",
                "Multiply the KL by the probability ratio, so that its gradient is the true one of the KL.")
          .When("rl.kl_beta is above 0 and rl.kl_in is loss", kl_in_loss),
      MakeField(&S::entropy_coef, "entropy_coef", "", "Bonus on the mean entropy per token, in the loss; 0: off.", AtLeast(0)),
      MakeField(&S::top_entropy_quantile, "top_entropy_quantile", "",
                "Learn from this share of a minibatch's tokens, those of the highest entropy; 1: from all. Costs a forward pass "
                "per update.",
                AboveUpTo(0, 1)),
      MakeField(&S::steps_ahead, "steps_ahead", "steps",
                "1: a step's completions are sampled while the step before is learned from, by the policy of one update back, which the sampler correction "
                "corrects for (docs/losses.md). 0: each step waits for its own policy.",
                Between(0, 1)),
      MakeField(&S::sampler_correction, "sampler_correction", "",
                "Importance weights trainer/sampler, which correct for the sampler's rounding: per token or per completion, "
                "truncated into [importance_floor, importance_cap] or masked outside of it.",
                OneOf({"none", "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"}))
          .Alias("vllm_importance_sampling_mode"),
      MakeField(&S::importance_cap, "importance_cap", "", "Of the sampler correction's weights.",
                NumberRule{"at least 1 (to switch the correction off: sampler_correction: none)", [](double x) { return x >= 1; }})
          .Alias("vllm_importance_sampling_clip_max")
          .When("rl.sampler_correction is not none", corrects),
      MakeField(&S::importance_floor, "importance_floor", "", "Of the sampler correction's weights.", FromBelow(0, 1))
          .Alias("vllm_importance_sampling_clip_min")
          .When("rl.sampler_correction is not none", corrects),
      MakeField(&S::mask_truncated, "mask_truncated", "Leave completions that never ended out of the loss.")
          .Alias("mask_truncated_completions"),
  };
}

FieldTable<RolloutSettings> RolloutFields() {
  using S = RolloutSettings;
  const std::string cut = " Off is right: the ratio of trainer to sampler takes probabilities before the cut, so a cut skews it.";
  return {
      MakeField(&S::max_completion_tokens, "max_completion_tokens", "tokens", "A completion is cut off here.",
                Between(1, 1048576))
          .Alias("max_completion_length"),
      MakeField(&S::min_completion_tokens, "min_completion_tokens", "tokens",
                "Before so many no token that ends a completion is drawn: with as many as max_completion_tokens all are equally long, for timings." + cut,
                Between(0, 1048576)),
      MakeField(&S::temperature, "temperature", "", "Of sampling; greedy completions would all be alike.",
                AboveUpTo(0, 100)),
      MakeField(&S::top_k, "top_k", "tokens", "Sample among the likeliest so many; 0: all." + cut, Between(0, 1000000000)),
      MakeField(&S::top_p, "top_p", "", "Sample among the likeliest that hold this share of probability." + cut,
                AboveUpTo(0, 1)),
      MakeField(&S::min_p, "min_p", "", "Sample among those at least this times as likely as the likeliest." + cut,
                FromBelow(0, 1)),
      MakeField(&S::activations, "activations", "",
                "Precision of the sampler; int8 is fastest and strays furthest from the trainer.",
                OneOf({"f32", "bf16", "int8"})),
      MakeField(&S::kv_type, "kv_type", "",
                "Keys and values of the sampler's cache: f16 takes half of f32's memory, int8 (heads of a multiple of 32 values) a good quarter. What it "
                "strays from the trainer shows in sampling/…. auto: f16, whose rounding is an eighth of bf16's; f32 with activations: f32.",
                OneOf({"auto", "f32", "f16", "int8"})),
      MakeField(&S::close, "close", "",
                "open: completions end by themselves or at max_completion_tokens. forced: the budget of a prompt closes the reasoning and ends the answer as "
                "pith-run --budget does; the closing text counts in the length and carries no loss.",
                OneOf({"open", "forced"})),
      MakeField(&S::answer_tokens, "answer_tokens", "tokens",
                "Of each budget B: thinking has B less this and the answer this, apart, as with --think and --answer. 0: B is for both, with budget.reserve_tokens "
                "kept for the answer.",
                Between(0, 100000000))
          .When("rollout.close is forced", [](const S& s) { return s.close == "forced"; }),
      MakeField(&S::max_batch, "max_batch", "sequences", "Decoded together.", Between(1, 65536)),
  };
}

}  // namespace pith
