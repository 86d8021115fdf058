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
      MakeField(&S::max_length, "max_length", "tokens",
                "Of prompt and solution, at most the model's context; longer examples are dropped, with a count.",
                Between(8, 1048576)),
  };
}

FieldTable<RlSettings> RlFields() {
  using S = RlSettings;
  return {
      MakeField(&S::steps, "steps", "", "Rounds of sampling and learning.", Between(1, 1000000)),
      MakeField(&S::prompts_per_step, "prompts_per_step", "problems", "Per step.", Between(1, 4096)),
      MakeField(&S::group_size, "group_size", "completions",
                "Per problem; a completion is judged against its own group, so one alone teaches nothing.", Between(2, 4096)),
      MakeField(&S::micro_batch_size, "micro_batch_size", "completions",
                "Per forward pass at most; changes memory and speed, and the result by rounding only.", Between(1, 4096)),
      MakeField(&S::updates_per_rollout, "updates_per_rollout", "optimiser steps", "On each step's completions.",
                Between(1, 1000)),
      MakeField(&S::scale_rewards, "scale_rewards", "",
                "What advantages are divided by: the standard deviation of the group's rewards, of the batch's, or "
                "nothing.",
                OneOf({"group", "batch", "none"})),
      MakeField(&S::loss, "loss", "", "How token losses combine; dapo: their sum over the tokens of the step.",
                OneOf({"dapo"})),
      MakeField(&S::clip_epsilon_low, "clip_epsilon_low", "", "The probability ratio is clipped at 1 − this.",
                AboveUpTo(0, 1)),
      MakeField(&S::clip_epsilon_high, "clip_epsilon_high", "", "The probability ratio is clipped at 1 + this.",
                Above(0)),
      MakeField(&S::kl_beta, "kl_beta", "", "Weight of the k3 KL to the policy that RL started from; 0: off.",
                AtLeast(0)),
      MakeField(&S::importance_cap, "importance_cap", "",
                "Cap of the token-level importance weight trainer/sampler, which corrects for the sampler's rounding; "
                "0: no correction.",
                NumberRule{"0, or at least 1", [](double x) { return x == 0 || x >= 1; }}),
      MakeField(&S::mask_truncated, "mask_truncated", "Leave completions that never ended out of the loss."),
  };
}

FieldTable<RolloutSettings> RolloutFields() {
  using S = RolloutSettings;
  const std::string cut = " Off is right: the ratio of trainer to sampler takes probabilities before the cut, so a cut skews it.";
  return {
      MakeField(&S::max_completion_tokens, "max_completion_tokens", "tokens", "A completion is cut off here.",
                Between(1, 1048576)),
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
      MakeField(&S::max_batch, "max_batch", "sequences", "Decoded together.", Between(1, 65536)),
  };
}

}  // namespace pith
