#include "runtime/capi/job.h"

#include <chrono>

#include "runtime/capi/handles.h"

namespace pith::capi {

static_assert(static_cast<int>(ResponsePart::kThinking) == PITH_THINKING && static_cast<int>(ResponsePart::kAnswer) == PITH_ANSWER &&
              static_cast<int>(ResponsePart::kForced) == PITH_FORCED);

RequestCallbacks JobState::CallbacksOf(Model& model) {
  const auto self = shared_from_this();
  RequestCallbacks callbacks;
  if (callbacks_.on_token != nullptr) callbacks.on_token = [self, &model](const TokenEvent& event) { self->OnToken(model, event); };
  if (vote_) callbacks.on_completion = [self, &model](int, const Completion& completion) { self->OnCompletion(model, completion); };
  callbacks.on_done = [self, &model](std::vector<Completion> completions) { self->OnDone(model, std::move(completions)); };
  callbacks.on_error = [self](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (...) {
      self->Finish(CurrentFailure(), nullptr);
    }
  };
  return callbacks;
}

void JobState::Submit(Model& model, CheckedRequest asked) {
  prompt_tokens_ = static_cast<int64_t>(asked.request.prompt.size());
  chains_ = asked.request.num_samples;
  closable_ = asked.request.budget.has_value();
  turn_ = std::move(asked.turn);
  kind_ = asked.kind;
  if (asked.vote) vote_.emplace(static_cast<size_t>(chains_), kind_);
  automatic_ = std::move(asked.automatic);
  arms_ = std::move(asked.routes.arms);
  RequestCallbacks callbacks = CallbacksOf(model);
  const std::lock_guard lock(mutex_);  // callbacks that come at once find the id when they need it
  if (automatic_) {
    callbacks.on_token = {};
    callbacks.on_completion = {};
    callbacks.on_done = [self = shared_from_this(), &model](const std::vector<Completion>& completions) { self->OnQuestion(model, completions.at(0)); };
    asking_ = true;
  }
  id_ = model.Submit(automatic_ ? std::move(asked.routes.question) : std::move(asked.request), std::move(callbacks));
}

// The base has read the prompt: the arm that is chosen answers.
void JobState::OnQuestion(Model& model, const Completion& asked) {
  if (asked.hidden.empty()) {  // cancelled
    Completion none;
    none.finish = pith::Finish::kCancelled;
    return OnDone(model, std::vector<Completion>(static_cast<size_t>(chains_), none));
  }
  try {
    choice_ = automatic_->Choose(asked.hidden);
    GenerateRequest& arm = arms_[choice_->arm];
    const std::lock_guard lock(mutex_);
    closable_ = arm.budget.has_value();
    id_ = model.Submit(std::move(arm), CallbacksOf(model));
    asking_ = false;
    for (const int chain : cancelled_) model.Cancel(id_, chain);
    for (const int chain : close_now_) {
      if (closable_) model.CloseNow(id_, chain);
    }
  } catch (...) {
    Finish(CurrentFailure(), nullptr);
  }
}

void JobState::Cancel(Model& model, int chain) {
  const std::lock_guard lock(mutex_);
  if (chain < -1 || chain >= chains_) ThrowUser("chain ", chain, " was to be cancelled; the request has ", chains_, ", from 0 on, and -1 means all");
  if (done_) return;
  if (asking_) cancelled_.push_back(chain);  // the question may be done by now
  if (!asking_ || chain < 0) model.Cancel(id_, chain);
}

void JobState::CloseNow(Model& model, int chain) {
  const std::lock_guard lock(mutex_);
  if (chain < -1 || chain >= chains_) ThrowUser("the thoughts of chain ", chain, " were to be closed; the request has ", chains_, ", from 0 on, and -1 means all");
  if (asking_) return close_now_.push_back(chain);  // whether it will have a budget is not known yet
  if (!closable_) ThrowUser("the request has no budget, so its thoughts are not watched and cannot be closed; give it request.closable");
  if (!done_) model.CloseNow(id_, chain);
}

void JobState::Mute(const Model& model) {
  muted_ = true;
  if (model.InOwnThread()) return;
  const std::lock_guard running(calling_);
}

void JobState::OnToken(Model& model, const TokenEvent& event) {
  if (stopped_) return;
  {
    const std::lock_guard running(calling_);
    if (muted_) return;
    const std::string text(event.text);  // ends in a zero byte
    const pith_token token = {sizeof(pith_token), event.sample, event.token, static_cast<int32_t>(event.part), 0, text.c_str(), text.size()};
    try {
      stopped_ = callbacks_.on_token(callbacks_.user_data, &token) != 0;
    } catch (...) {  // of a program in C++
      stopped_ = callback_threw_ = true;
    }
  }
  if (!stopped_) return;
  try {
    Cancel(model, -1);
  } catch (...) {  // closed: it ends anyhow
  }
}

void JobState::OnCompletion(Model& model, const Completion& completion) {
  try {
    vote_->Add(static_cast<size_t>(completion.sample), JudgedText(model.tokenizer(), completion), completion.score.value_or(1));
    if (vote_->Decided()) Cancel(model, -1);
  } catch (...) {  // closed, or no memory: all chains run to their ends
  }
}

void JobState::OnDone(Model& model, std::vector<Completion> completions) {
  try {
    if (callback_threw_) throw StatusError(PITH_INTERNAL, "the request's callback threw an exception, which nobody could have caught");
    if (model.closed()) throw StatusError(PITH_CLOSED, "the model was closed");
    Finish({}, MakeAnswer(model.tokenizer(), std::move(completions), prompt_tokens_, std::move(turn_), kind_, automatic_.get(), choice_));
  } catch (...) {
    Finish(CurrentFailure(), nullptr);
  }
}

// The callback comes before those who wait: what it did they may rely on.
void JobState::Finish(Failure failure, std::shared_ptr<const Answer> answer) {
  if (callbacks_.on_done != nullptr) {
    const std::lock_guard running(calling_);
    if (!muted_) {
      try {
        pith_answer lent;
        lent.answer = answer;
        lent.lent = true;
        callbacks_.on_done(callbacks_.user_data, failure.status, answer ? &lent : nullptr, failure.sentence.c_str());
      } catch (...) {
      }
    }
  }
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
    failure_ = std::move(failure);
    answer_ = std::move(answer);
  }
  changed_.notify_all();
}

bool JobState::Wait(double seconds) {
  constexpr double kMostSeconds = 1e8;  // a clock's range is not endless
  std::unique_lock lock(mutex_);
  const auto done = [this] { return done_; };
  if (seconds < 0 || seconds > kMostSeconds) {
    changed_.wait(lock, done);
    return true;
  }
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds), done);
}

std::shared_ptr<const Answer> JobState::answer(Failure* failure) const {
  const std::lock_guard lock(mutex_);
  *failure = failure_;
  return answer_;
}

}  // namespace pith::capi
