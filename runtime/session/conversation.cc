#include "runtime/session/conversation.h"

#include <algorithm>

#include "data/text/response_text.h"

namespace pith {

Conversation::Conversation(const Prompter& prompter, const std::string& system) : prompter_(prompter) {
  if (!system.empty()) messages_.push_back({"system", system});
}

Prompt Conversation::Build(const std::string& user, std::span<const int32_t> invocation) const {
  std::vector<ChatMessage> messages = messages_;
  messages.push_back({"user", user});
  return prompter_.Build(messages, invocation);
}

GenerateRequest Conversation::Ask(const std::string& user, const TurnOptions& options) const {
  const std::string turn = options.budget_sentence.empty() ? user : user + " " + options.budget_sentence;
  const AdapterRef& adapter = options.mode.adapter;
  const bool switches = adapter && adapter->activation() == Activation::kInvocation;
  const Prompt prompt = Build(turn, switches ? adapter->invocation() : prompter_.invocation());
  GenerateRequest request;
  request.prompt = prompt.ids;
  request.invocation_start = prompt.invocation_start;
  request.adapter = adapter;
  request.sampling = options.sampling;
  request.budget = options.budget;
  request.max_tokens = options.budget && options.budget->tokens > 0 ? options.budget->tokens : options.max_tokens;
  request.num_samples = options.chains;
  request.stop = options.stop;
  request.check = options.check;
  Announce(options.announcement, prompter_.tokenizer(), &request);
  return request;
}

void Conversation::Keep(const std::string& user, const Completion& completion) {
  Keep(user, KeptAnswer(prompter_.tokenizer(), completion));
}

void Conversation::Keep(const std::string& user, const std::string& answer) {
  messages_.push_back({"user", user});
  messages_.push_back({"assistant", answer});
  ++turns_;
}

std::vector<int32_t> Conversation::KnownPrompt() const {
  // What two next turns have in common.
  const std::vector<int32_t> one = Build("How many apples are left?", {}).ids, other = Build("7", {}).ids;
  const auto [end, unused] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return {one.begin(), end};
}

void Conversation::DropLast() {
  if (turns_ == 0) return;
  messages_.resize(messages_.size() - 2);
  --turns_;
}

void Conversation::Forget() {
  while (turns_ > 0) DropLast();
}

std::string KeptAnswer(const Tokenizer& tokenizer, const Completion& completion) {
  return WithoutThoughts(JudgedText(tokenizer, completion));
}

}  // namespace pith
