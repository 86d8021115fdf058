// Table of the section `distill`.
#include "configs/sections.h"

namespace pith {

FieldTable<DistillSettings> DistillFields() {
  using S = DistillSettings;
  const auto logits = [](Field<S> field) {
    return std::move(field).When("distill.mode is logits", [](const S& s) { return s.mode == "logits"; });
  };
  const auto traces = [](Field<S> field) {
    return std::move(field).When("distill.mode is traces", [](const S& s) { return s.mode == "traces"; });
  };
  return {
      MakeField(&S::teacher, "teacher", "", "GGUF file, Hugging Face folder or org/name (Hugging Face's cache) of the teacher; `demo`: the demo model.",
                Required("a GGUF file, a Hugging Face folder or demo")),
      MakeField(&S::teacher_adapter, "teacher_adapter", "", "PEFT folder of an adapter on the teacher; empty: none.", AnyText()),
      MakeField(&S::mode, "mode", "",
                "logits: the student's distribution at each token of the data's solutions is drawn to the teacher's; both have the same "
                "vocabulary. traces: the teacher solves the problems, and the student is fine-tuned on what it wrote; any vocabulary.",
                OneOf({"logits", "traces"})),
      logits(MakeField(&S::divergence, "divergence", "",
                       "forward: KL(teacher ‖ student), which covers all that the teacher might say. reverse: KL(student ‖ teacher), which "
                       "settles on what it would likely say.",
                       OneOf({"forward", "reverse"}))),
      logits(MakeField(&S::temperature, "temperature", "", "Of both distributions.", AboveUpTo(0, 100))),
      traces(MakeField(&S::traces, "traces", "",
                       "JSONL file that the traces are written to, and read from where they are there already; a data set like any other. "
                       "Empty: RUN.traces.jsonl, beside the run's folder.",
                       AnyText())),
      traces(MakeField(&S::samples, "samples", "solutions", "Sampled per problem.", Between(1, 1024))),
      traces(MakeField(&S::sampling_temperature, "sampling_temperature", "", "Of the teacher's samples; 0: greedy.", Between(0, 100))),
      traces(MakeField(&S::max_tokens, "max_tokens", "tokens", "A sample that has not ended by then is dropped.", Between(1, 1048576))),
      traces(MakeField(&S::keep, "keep", "",
                       "Of a problem's samples: the shortest correct one, all correct ones (each text once), or all that ended.",
                       OneOf({"shortest", "correct", "all"}))),
      traces(MakeField(&S::reading, "reading", "",
                       "How a sample's answer is read: strict wants it marked by #### or \\boxed{}; lenient also takes the last number.",
                       OneOf({"strict", "lenient"}))
                 ),
      traces(MakeField(&S::max_batch, "max_batch", "sequences", "Decoded together.", Between(1, 1024))),
  };
}

}  // namespace pith
