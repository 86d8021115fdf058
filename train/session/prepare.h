// From data sets to what the model sees of each problem.
#pragma once

#include "train/session/session.h"

namespace pith {

// Loads the data sets of session->config and fills in session->problems. The base, the prompter, the invocation and the verifiers are there already.
// In RL a problem has an entry under each of its budgets, elsewhere one: in SFT under the budget that its solution keeps (train/session/told_budgets.h).
//
// A problem whose prompt is longer than its max_prompt_tokens, or in RL than what rollout.max_completion_tokens leaves of the model's
// context, is dropped (under all budgets, if it is under one of them), and a warning says how many were. UserError where none is left, of
// a source of a mix too; for kinds of problems that nothing judges; for tokens that the model has no embedding for; and for a conversation
// that the chat template cannot render.
void PrepareProblems(Session* session);

// The most tokens that a prompt of `data` may have where there is room for `room`.
int64_t PromptLimit(const DatasetSettings& data, int64_t room);

}  // namespace pith
