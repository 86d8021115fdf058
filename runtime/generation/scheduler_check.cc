// What is asked behind a response that has come to its end: its sequence goes on with the check's tokens, in the batch of those that still decode.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "runtime/generation/scheduler_state.h"

namespace pith {

// The response is whole, but for its last tokens' keys and values, which are pending.
void Scheduler::State::AskCheck(Slot& slot) {
  slot.phase = Slot::kEnding;
  slot.ended = Clock::now();
  if (slot.sequence >= 0) BeginCheck(slot);  // else when its prompt is encoded
}

void Scheduler::State::BeginCheck(Slot& slot) {
  const std::vector<int32_t>& tokens = slot.out->tokens;
  if (tokens.empty() || !tokenizer_.IsEnd(tokens.back())) slot.pending.push_back(slot.job->request.check.end_id);
  GoOnWithCheck(slot);
}

// The response is the adapter's to its end. Where the base reads the check, that begins in a step of its own.
void Scheduler::State::GoOnWithCheck(Slot& slot) {
  const ResponseCheck& check = slot.job->request.check;
  if (check.by_base) {
    if (!slot.pending.empty()) return;
    engine_.SetAdapter(slot.sequence, nullptr);
  }
  slot.pending.insert(slot.pending.end(), check.ids.begin(), check.ids.end());
  slot.phase = Slot::kChecking;
}

void Scheduler::State::EndCheck(Slot& slot, std::span<const float> hidden_D) {
  const ResponseCheck& check = slot.job->request.check;
  Completion& out = *slot.out;
  if (!std::all_of(hidden_D.begin(), hidden_D.end(), [](float x) { return std::isfinite(x); })) {
    return Fail(*slot.job, std::make_exception_ptr(UserError("the hidden state behind the check of a response is not finite; the weights or the adapter are broken")));
  }
  if (check.head) out.score = Probability(HeadLogit(*check.head, hidden_D));
  if (check.keep_hidden) out.hidden.assign(hidden_D.begin(), hidden_D.end());
  out.check_ms = std::chrono::duration<double, std::milli>(Clock::now() - slot.ended).count();
  Complete(slot);
}

}  // namespace pith
