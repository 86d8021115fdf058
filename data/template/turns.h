// What an assistant learns to say in a conversation: each of its turns as it would be said, behind all that was said before.
//
// The runtime encodes every turn's prompt afresh by the base, keeps answers and drops thoughts (runtime/session/conversation.h). So a turn is
// learned behind the conversation up to it, earlier thoughts dropped whatever the template would keep of them, and its own thoughts in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/template/prompt.h"

namespace pith {

// Of the messages those that are the assistant's and not blank.
std::vector<size_t> AssistantTurns(std::span<const ChatMessage> messages);

// The messages before `turn`, as the prompt of that turn has them: of earlier assistants' turns the thoughts are gone.
std::vector<ChatMessage> MessagesBefore(std::span<const ChatMessage> messages, size_t turn);

// The tokens that the assistant says as its message `said` behind `prompt`, which is that of `before`, up to and including `end`, the token
// that ends its turn: those of the whole conversation as the template renders it, behind the prompt's. Where tokens would join across the
// border, the turn's text is encoded by itself, as it is when it is said. Where the prompt opens thoughts that the template renders away, the
// turn's text must begin with <think>, and what follows that tag is said. UserError where the template renders the turn otherwise than behind
// its own generation prompt.
std::vector<int32_t> SaidTokens(const Prompter& prompter, std::span<const ChatMessage> before, const ChatMessage& said,
                                std::span<const int32_t> prompt, int32_t end);

}  // namespace pith
