// Tables of the sections about the adapter and how it moves: adapter, optimizer.
#include "configs/sections.h"

namespace pith {

FieldTable<AdapterSettings> AdapterFields() {
  using S = AdapterSettings;
  return {
      MakeField(&S::rank, "rank", "", "Rank r of each LoRA pair. Q8_0 and Q4_0 export want a multiple of 32.",
                Between(1, 4096)),
      MakeField(&S::alpha, "alpha", "", "The update is scaled by alpha / rank.", Above(0)),
      MakeField(&S::rank_pattern, "rank_pattern", "",
                "Other ranks for some layers, as PEFT's: `{down_proj: 64, 'layers\\.[0-3]\\..*': 8}`. A key is the end of a module's "
                "name or a regular expression for it; the first that fits counts.",
                Between(1, 4096)),
      MakeField(&S::alpha_pattern, "alpha_pattern", "", "Other alphas for some layers, in the same way.", Above(0)),
      MakeField(&S::rslora, "rslora", "Scale by alpha / √rank instead."),
      MakeField(&S::init, "init", "",
                "What a fresh adapter starts from. pissa: the principal part of each weight (PiSSA), kept as the difference to it, a LoRA of "
                "twice the rank; with an init_adapter that was started so: go on in the same way.",
                OneOf({"default", "pissa"})),
      MakeField(&S::dora, "dora",
                "Train a magnitude for each row as well (DoRA). Goes with activation always, in SFT, and is shipped by fusing alone."),
      MakeField(&S::dropout, "dropout", "", "Share of the adapter's inputs zeroed in SFT.", FromBelow(0, 1)),
      MakeField(&S::targets, "targets", "", "Linear layers that get an adapter.",
                OneOf({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv_proj", "gate_up_proj"})),
      MakeField(&S::activation, "activation", "",
                "Where the adapter acts: from the invocation (the chat template's generation prompt) on, or always "
                "(plain LoRA).",
                OneOf({"invocation", "always"})),
      MakeField(&S::invocation, "invocation", "", "Token ids of the invocation; empty: derived from the chat template.",
                Between(0, 2147483647))
          .When("adapter.activation is invocation", [](const S& s) { return s.activation == "invocation"; }),
  };
}

FieldTable<OptimizerSettings> OptimizerFields() {
  using S = OptimizerSettings;
  return {
      MakeField(&S::learning_rate, "learning_rate", "", "Highest learning rate; auto: one that suits the stage, the model's width and the adapter's scale (docs/adapters.md). The run's "
                "config.yaml shows it.",
                Above(0)),
      MakeField(&S::beta1, "beta1", "", "Decay of the gradient's running mean.", FromBelow(0, 1)),
      MakeField(&S::beta2, "beta2", "", "Decay of the squared gradient's running mean.", FromBelow(0, 1)),
      MakeField(&S::epsilon, "epsilon", "", "Added to the denominator.", Above(0)),
      MakeField(&S::weight_decay, "weight_decay", "", "Decoupled weight decay.", AtLeast(0)),
      MakeField(&S::max_grad_norm, "max_grad_norm", "", "Gradients are scaled down to this norm; 0: never.",
                AtLeast(0)),
      MakeField(&S::schedule, "schedule", "", "Of the learning rate after the warm-up.",
                OneOf({"constant", "linear", "cosine"})),
      MakeField(&S::warmup_steps, "warmup_steps", "optimiser steps",
                "Over which the rate rises from 0; fewer than the run has, so that one step at least runs at the full rate.",
                Between(0, 1000000000)),
      MakeField(&S::warmup_ratio, "warmup_ratio", "share", "The same as a share of the run's optimiser steps, rounded up.", FromBelow(0, 1)),
      MakeField(&S::min_ratio, "min_ratio", "share", "Of learning_rate, that the schedule ends at instead of 0.", FromBelow(0, 1))
          .When("optimizer.schedule is linear or cosine", [](const S& s) { return s.schedule != "constant"; }),
  };
}

}  // namespace pith
