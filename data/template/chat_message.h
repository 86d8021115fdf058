// What one said in a conversation.
#pragma once

#include <string>

namespace pith {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
};

}  // namespace pith
