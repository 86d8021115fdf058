// Distillation: the student's distribution at each response token is drawn to a teacher's (train/model/distill_head.h), or the student
// is fine-tuned on the teacher's own solutions (train/supervised/traces.h).
#pragma once

#include <span>
#include <vector>

#include "train/run/loop.h"
#include "train/session/session.h"
#include "train/supervised/sft.h"
#include "train/supervised/teacher.h"

namespace pith {

struct DistillStepResult : SftStepResult {  // loss: the mean divergence per response token, nats
  double nll = 0, teacher_nll = 0;          // mean −log p of the response's tokens, at the temperature
};

// Gradients of the mean divergence over the response tokens of an optimiser batch, left in the model's parameters. UserError for
// a number that is not finite.
DistillStepResult DistillGradients(const Session& session, const Model& model, const PromptEncoder& encoder, const ScoringTeacher& teacher,
                                   const std::vector<SftExample>& examples, std::span<const size_t> batch, int64_t step);

void RunDistill(const Session& session, const RunOptions& options);

}  // namespace pith
