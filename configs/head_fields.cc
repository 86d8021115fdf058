// What the sections `check` and `switch` have in common.
#include "configs/sections.h"

namespace pith {

FieldTable<HeadSettings> HeadFields() {
  using S = HeadSettings;
  return {
      MakeField(&S::type, "type", "", "The adapter is run as pith-export adapter packs it in this type: export it so.", OneOf({"q8_0", "q4_0", "f16", "bf16", "f32"})),
      MakeField(&S::activations, "activations", "", "Precision of the engine that answers, as the phone's.", OneOf({"int8", "bf16", "f32"})),
      MakeField(&S::kv_type, "kv_type", "", "Its keys and values.", OneOf({"f16", "int8", "f32"})),
      MakeField(&S::samples, "samples", "answers", "Sampled per problem.", Between(1, 256)),
      MakeField(&S::temperature, "temperature", "", "Of the samples; 0: greedy.", Between(0, 100)),
      MakeField(&S::top_p, "top_p", "", "Sample among the likeliest tokens that hold this share of probability.", AboveUpTo(0, 1)),
      MakeField(&S::max_tokens, "max_tokens", "tokens", "An answer is cut there, and judged as it stands.", Between(1, 1048576)),
      MakeField(&S::reading, "reading", "", "How an answer is read where it is judged: lenient, as votes read it; strict wants it marked by #### or \\boxed{}.",
                OneOf({"strict", "lenient"})),
      MakeField(&S::problems_per_step, "problems_per_step", "problems", "Answered between two lines of metrics.", Between(1, 100000)),
      MakeField(&S::max_batch, "max_batch", "sequences", "Decoded together.", Between(1, 1024)),
      MakeField(&S::held_out, "held_out", "share of the problems", "Not fitted on: what the figures are of.", NumberRule{"more than 0 and at most 0.9", [](double x) { return x > 0 && x <= 0.9; }}),
      MakeField(&S::l2, "l2", "", "Half of it times the squared weights, over standardised features, is added to the mean loss. auto: chosen by cross-validation over problems.",
                NumberRule{"more than 0, or auto", [](double x) { return x > 0 && x <= 1e6; }}),
  };
}

}  // namespace pith
