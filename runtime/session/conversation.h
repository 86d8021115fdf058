// A conversation of several turns, and what the next one asks of the engine.
//
// Of a reasoning turn the thoughts are dropped, and with them their KV: the answer that is kept is encoded by the base when the next
// prompt is, as if it had always stood there. So every turn has the logits of the whole conversation encoded afresh, whatever modes
// its turns were answered in; and it costs only what is new, since the engine finds the rest in its cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/template/prompt.h"
#include "runtime/session/mode.h"

namespace pith {

// How a turn is answered; as the fields of GenerateRequest.
struct TurnOptions {
  NamedAdapter mode = {"base", nullptr};
  SamplingParams sampling;
  int64_t max_tokens = kDefaultTokens;
  std::optional<DecodeBudget> budget;
  std::string budget_sentence;  // ends the user's turn where not empty
  std::string announcement;     // of the budget, with "{budget}" in it: see Announce (mode.h)
  int chains = 1;
  std::vector<std::string> stop;
  ResponseCheck check = {};  // CheckOf the mode, where chains are to be scored
};

// Not thread-safe. `prompter` must outlive it.
class Conversation {
 public:
  explicit Conversation(const Prompter& prompter, const std::string& system = "");

  // The request that answers `user` behind all that was kept. UserError when the prompt lacks the mode's invocation.
  GenerateRequest Ask(const std::string& user, const TurnOptions& options) const;
  // Keeps the turn: `user` without the budget's sentence, and of the completion the answer without its thoughts.
  void Keep(const std::string& user, const Completion& completion);
  // A turn that was had elsewhere, or before.
  void Keep(const std::string& user, const std::string& answer);
  // The tokens of the conversation as the next prompt will begin, up to where the user's next text can change them: for who wants them
  // encoded by the base while the user is still reading.
  std::vector<int32_t> KnownPrompt() const;

  const std::vector<ChatMessage>& messages() const { return messages_; }
  int64_t turns() const { return turns_; }
  void Forget();  // all turns; the system message stays
  void DropLast();  // the last turn; nothing where there is none

 private:
  Prompt Build(const std::string& user, std::span<const int32_t> invocation) const;

  const Prompter& prompter_;
  std::vector<ChatMessage> messages_;
  int64_t turns_ = 0;
};

// The answer of a completion: its text without the thoughts, whether a tag of its own or the prompt's opened them; empty while they
// are open.
std::string KeptAnswer(const Tokenizer& tokenizer, const Completion& completion);

}  // namespace pith
