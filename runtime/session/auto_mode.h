// Mode `auto`: an adapter's switcher chooses, for each prompt, who answers it and under which budget (adapters/switcher_head.h).
//
// Two requests: the first has the base encode the prompt up to the invocation and pools the hidden states of the user's turn as they come; the second is the
// chosen arm's, which finds that in the cache. It is the very request that asks for this arm by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/template/prompt.h"
#include "runtime/generation/request.h"
#include "runtime/session/conversation.h"
#include "runtime/session/mode.h"

namespace pith {

inline constexpr char kAutoMode[] = "auto";  // its name, beside "base" and those of adapters

struct AutoArm {
  std::string name;                    // as the switcher calls it
  NamedAdapter mode;
  std::optional<DecodeBudget> budget;  // as --budget closes it, with the adapter's reserve, but at most half of the budget
  std::string announcement;            // of the budget; empty: it is not told
};

class AutoMode {
 public:
  // `carrier` has the switcher; adapters of other arms are found among `others` by their cards. UserError where there is no switcher, or an arm cannot be; `asked` is what
  // wants it: "generate: --mode auto".
  AutoMode(const NamedAdapter& carrier, std::span<const NamedAdapter> others, const std::string& asked, const Tokenizer& tokenizer);

  // Spends about so many tokens an answer on average, instead of what it was fitted for. UserError where it cannot.
  void SetMeanTokens(double tokens);

  const NamedAdapter& carrier() const { return carrier_; }
  const std::vector<AutoArm>& arms() const { return arms_; }
  double price() const { return price_; }
  const SwitcherHead& head() const { return *carrier_.adapter->switcher(); }
  int64_t most_budget() const;  // tokens, of all arms; 0: none has one

  SwitchChoice Choose(std::span<const float> pooled_D) const { return ChooseArm(head(), price_, pooled_D); }

 private:
  NamedAdapter carrier_;
  std::vector<AutoArm> arms_;
  double price_ = 0;
};

// Who answers arm `arm` of a switcher that `own` carries. told: UserError naming `origin` where the adapter has learned no announcement.
AutoArm MakeAutoArm(const SwitchArm& arm, const NamedAdapter& answers, const std::string& origin, const Tokenizer& tokenizer);

// The base encodes ids[0, end), where the invocation begins, and pools from turn_begin on: Completion::hidden.
GenerateRequest AutoQuestion(std::span<const int32_t> ids, int64_t turn_begin, int64_t end);
// What asks this arm by name: the prompt, who answers and from where on, the budget with its announcement. The rest is the caller's; max_tokens is the budget, where there is one.
// UserError where the prompt lacks the adapter's invocation.
GenerateRequest ArmRequest(const AutoArm& arm, const Prompt& prompt, const Tokenizer& tokenizer);

// The first token of `ids` that `known`, the beginning of the conversation's next prompt (Conversation::KnownPrompt), does not have; at least one is left before `end`.
int64_t TurnBegin(std::span<const int32_t> ids, std::span<const int32_t> known, int64_t end);

struct AutoRequests {
  GenerateRequest question;
  std::vector<GenerateRequest> arms;
};
// Of a turn of `conversation`. `common`: what holds for every arm; its mode, budget, announcement and check are not looked at.
AutoRequests AskAuto(const Conversation& conversation, const std::string& user, const TurnOptions& common, const AutoMode& mode, const Tokenizer& tokenizer);

}  // namespace pith
