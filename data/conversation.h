// Conversations as data: {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}, …]}, as Hugging Face's are.
#pragma once

#include <string>
#include <vector>

#include "data/jsonl.h"
#include "data/template/chat_message.h"

namespace pith {

inline constexpr const char* kMessagesField = "messages";

// The messages of a record that has some. Roles: system, user, assistant, tool; contents are texts, and a system message may be first only.
// UserError, with file and line, for another role or content, for a key of a message beside those two that says something (tool_calls,
// reasoning_content: they would be left out without a word), and where the assistant says nothing.
std::vector<ChatMessage> MessagesOf(const JsonRecord& record);

}  // namespace pith
