// What came of a request, as it is handed out.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/generation/request.h"
#include "runtime/pith.h"
#include "runtime/session/auto_mode.h"
#include "runtime/session/vote.h"

namespace pith::capi {

class ConversationState;

struct Chain {
  std::string text, kept, judged;  // valid UTF-8
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  pith_usage usage;
};

// The turn of a conversation that a request asks about.
struct Turn {
  std::weak_ptr<ConversationState> conversation;
  uint64_t version = 0;  // of the conversation, when it was asked
  std::string user;
  bool any = false;
};

struct Answer {
  std::vector<Chain> chains;
  Turn turn;
  VoteKind kind = VoteKind::kMajority;
  std::string arm;  // that a switcher chose

  // The vote of the chains that were not cancelled, counted when it is asked for first.
  const Vote::Result& vote() const;

 private:
  mutable std::once_flag counted_;
  mutable Vote::Result vote_;
};

std::shared_ptr<const Answer> MakeAnswer(const Tokenizer& tokenizer, std::vector<Completion> completions, int64_t prompt_tokens, Turn turn,
                                         VoteKind kind, const AutoMode* automatic = nullptr, const std::optional<SwitchChoice>& choice = {});

}  // namespace pith::capi
