// A look at a run's first step: whether it can learn what it was started for. What is wrong there is wrong for hours.
//
// Settings that tend to go wrong are warned of when a run is opened (train/advice/), and runs that go wrong later are the
// alarms' (train/run/alarms.h). Here is what shows in one step, and what no run gets over.
#pragma once

#include <string>
#include <vector>

#include "train/model/model.h"
#include "train/model/optimizer.h"
#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

// Each is a sentence that says what is wrong, with the numbers and the cure; empty: nothing is.

// The session's prompts are not those that a runtime would make of the same questions with what the adapter says of its template.
std::string PromptFinding(const Session& session);
// Of examples that end with these tokens: one ends with no token that ends a response, or with another than the chat template ends an answer with.
std::string EndFinding(const Session& session, const std::vector<int32_t>& last_targets);
// Most solutions are longer than sft.max_length, or than the largest budget, and are left out.
std::string TruncationFinding(const Session& session);
// RL, by the metrics of a step: no completion came to an end, so that none could teach one; no group has spread.
std::string CompletionsFinding(const Session& session, const Metrics& metrics);
// After the first updates: layers that no gradient reached, or whose B is what it was.
std::string UpdateFinding(const Session& session, const Model& model, const Optimizer& optimizer);
// RL: sampler and trainer are too far apart to be one policy.
std::string GapFinding(const Session& session, const Metrics& metrics);

// Looks once, after step 1 of a run. UserError with the first finding: a run that goes on from a checkpoint is looked at no more.
class Doctor : public StepHook {
 public:
  // All outlive it. last_targets: of examples that are learned from; none in RL.
  Doctor(const Session& session, const Model* model, const Optimizer* optimizer, std::vector<int32_t> last_targets = {});
  void After(StepRecord* record, Ledger* ledger) override;

 private:
  const Session& session_;
  const Model* model_;
  const Optimizer* optimizer_;
  const std::vector<int32_t> last_targets_;
};

}  // namespace pith
