// The user's turn that asks about an answer that has just been given, as tokens that go behind any answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/template/prompt.h"

namespace pith {

struct CheckTurn {
  int32_t end_id = -1;       // the token that ends the assistant's turn before it
  std::vector<int32_t> ids;  // behind that, up to and including the generation prompt
};

// What the chat template puts behind an assistant's words when the user then says `text`: the common end of two rendered conversations with other
// words before it, from behind the token that ends the assistant's turn. UserError naming the template where it takes no such conversation, or
// puts no token there that ends a turn.
CheckTurn MakeCheckTurn(const Prompter& prompter, const std::string& text);

}  // namespace pith
