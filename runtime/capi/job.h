// A request that runs: its callbacks, and who waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/capi/answer.h"
#include "runtime/capi/guard.h"
#include "runtime/capi/model.h"
#include "runtime/session/auto_mode.h"

namespace pith::capi {

struct CheckedRequest {
  GenerateRequest request;                      // of mode auto that of the first arm
  std::shared_ptr<const AutoMode> automatic = nullptr;  // mode auto: `routes` is asked instead
  AutoRequests routes = {};
  Turn turn;
  bool vote = false;  // chains that cannot change it any more are cancelled
  VoteKind kind = VoteKind::kMajority;
};

class JobState : public std::enable_shared_from_this<JobState> {
 public:
  explicit JobState(const pith_callbacks& callbacks) : callbacks_(callbacks) {}

  void Submit(Model& model, CheckedRequest request);
  void Cancel(Model& model, int chain);
  void CloseNow(Model& model, int chain);
  // No callback runs or will, once this returns; in the model's own thread: no other will.
  void Mute(const Model& model);

  // Waits at most so many seconds, negative: however long. False: it is not done.
  bool Wait(double seconds);
  // Of a job that is done: nullptr with a failure.
  std::shared_ptr<const Answer> answer(Failure* failure) const;

 private:
  RequestCallbacks CallbacksOf(Model& model);
  void OnQuestion(Model& model, const Completion& asked);
  void OnToken(Model& model, const TokenEvent& event);
  void OnCompletion(Model& model, const Completion& completion);
  void OnDone(Model& model, std::vector<Completion> completions);
  void Finish(Failure failure, std::shared_ptr<const Answer> answer);

  const pith_callbacks callbacks_;
  int64_t prompt_tokens_ = 0;
  int chains_ = 0;
  bool closable_ = false;       // its thoughts
  std::shared_ptr<const AutoMode> automatic_;   // mode auto, and what follows
  std::vector<GenerateRequest> arms_;
  std::optional<SwitchChoice> choice_;          // by the model's thread
  std::optional<Vote> vote_;    // of the chains that have come to their ends; by the model's thread
  VoteKind kind_ = VoteKind::kMajority;
  Turn turn_;
  bool stopped_ = false;        // by a callback. The model's thread alone looks at these two
  bool callback_threw_ = false;
  std::mutex calling_;          // held while a callback runs
  std::atomic<bool> muted_{false};

  mutable std::mutex mutex_;    // of what follows
  std::condition_variable changed_;
  RequestId id_ = 0;
  bool asking_ = false;                         // id_ is the switcher's question: nobody answers yet
  std::vector<int> cancelled_, close_now_;      // chains that were, in the meantime
  bool done_ = false;
  Failure failure_;
  std::shared_ptr<const Answer> answer_;
};

}  // namespace pith::capi
