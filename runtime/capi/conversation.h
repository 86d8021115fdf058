// A conversation that several threads may use.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/session/conversation.h"

namespace pith::capi {

class Model;

class ConversationState {
 public:
  // `prompter`: one of its own; nullptr: the model's. Both live on in what is held here.
  ConversationState(std::shared_ptr<Model> model, std::unique_ptr<Prompter> prompter, const Prompter& used, const std::string& system)
      : model_(std::move(model)), own_(std::move(prompter)), prompter_(used), conversation_(prompter_, system) {}

  const Prompter& prompter() const { return prompter_; }

  // With the conversation to itself, and a number that changes whenever it does.
  template <class F>
  auto With(const F& f) {
    const std::lock_guard lock(mutex_);
    return f(conversation_, version_);
  }

 private:
  std::shared_ptr<Model> model_;
  std::unique_ptr<Prompter> own_;
  const Prompter& prompter_;
  std::mutex mutex_;
  Conversation conversation_;
  uint64_t version_ = 0;
};

}  // namespace pith::capi
