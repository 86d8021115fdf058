#include "data/template/check_turn.h"

#include <algorithm>

#include "base/error.h"

namespace pith {

CheckTurn MakeCheckTurn(const Prompter& prompter, const std::string& text) {
  const auto asked = [&](const char* user, const char* assistant) {
    const std::vector<ChatMessage> messages = {{"user", user}, {"assistant", assistant}, {"user", text}};
    return prompter.Encode(messages);
  };
  const std::vector<int32_t> one = asked("How many apples are left?", "There are 7 left.\n#### 7"), other = asked("Name two colours", "red, and also blue");
  const auto [mine, theirs] = std::mismatch(one.rbegin(), one.rend(), other.rbegin(), other.rend());
  const auto end = std::find_if(mine.base(), one.end(), [&](int32_t id) { return prompter.tokenizer().IsEnd(id); });
  if (end == one.end() || end + 1 == one.end()) {
    ThrowUser("the chat template ends an assistant's turn by no token that ends an answer when the user goes on; it renders the question behind an answer as '",
              prompter.tokenizer().Decode(std::vector<int32_t>(mine.base(), one.end()), /*with_control=*/true), "', where a check cannot be told from the answer");
  }
  return {*end, {end + 1, one.end()}};
}

}  // namespace pith
