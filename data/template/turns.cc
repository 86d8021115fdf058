#include "data/template/turns.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/text/response_text.h"

namespace pith {
namespace {

constexpr const char* kSpaces = " \t\r\n";

std::string End(const std::string& text) { return text.substr(text.size() - std::min<size_t>(text.size(), 40)); }

std::vector<int32_t> Ended(std::vector<int32_t> ids, int32_t end) {
  ids.push_back(end);
  return ids;
}

// What the template renders of `said` behind its generation prompt, without what ends the turn.
std::string SaidText(const Prompter& prompter, std::span<const ChatMessage> before, const ChatMessage& said, int32_t end) {
  std::vector<ChatMessage> whole(before.begin(), before.end());
  whole.push_back(said);
  const std::string prompt = prompter.chat().Render(before, true), text = prompter.chat().Render(whole, false);
  if (text.starts_with(prompt)) {
    const std::string rest = text.substr(prompt.size());
    return rest.substr(0, rest.rfind(prompter.tokenizer().TokenBytes(end)));
  }
  const std::string_view own = std::string_view(said.content).substr(said.content.find_first_not_of(kSpaces));
  if (ThoughtsAtEnd(prompter.tokenizer(), prompter.invocation()) == Thoughts::kOpen && own.starts_with(kThinkOpen)) {
    const std::string_view thoughts = own.substr(kThinkOpen.size());
    return std::string(thoughts.starts_with('\n') && prompt.ends_with('\n') ? thoughts.substr(1) : thoughts);
  }
  ThrowUser("the chat template does not render the assistant's words behind its own generation prompt, so they cannot be learned as they would be said: "
            "that ends in '", End(prompt), "', the rendered turn in '", End(text), "'; let the words begin with <think> where the prompt opens thoughts, or give questions and solutions instead");
}

}  // namespace

std::vector<size_t> AssistantTurns(std::span<const ChatMessage> messages) {
  std::vector<size_t> turns;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "assistant" && messages[i].content.find_first_not_of(kSpaces) != std::string::npos) turns.push_back(i);
  }
  return turns;
}

std::vector<ChatMessage> MessagesBefore(std::span<const ChatMessage> messages, size_t turn) {
  std::vector<ChatMessage> before(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(turn));
  for (ChatMessage& message : before) {
    if (message.role == "assistant" && ThoughtsAtEnd(message.content) != Thoughts::kNone) message.content = WithoutThoughts(std::move(message.content));
  }
  return before;
}

std::vector<int32_t> SaidTokens(const Prompter& prompter, std::span<const ChatMessage> before, const ChatMessage& said, std::span<const int32_t> prompt, int32_t end) {
  std::vector<ChatMessage> messages(before.begin(), before.end());
  messages.push_back(said);
  const std::vector<int32_t> whole = prompter.EncodeSaid(messages);
  if (whole.size() > prompt.size() && std::equal(prompt.begin(), prompt.end(), whole.begin())) {
    const std::vector<int32_t> rest(whole.begin() + static_cast<std::ptrdiff_t>(prompt.size()), whole.end());
    const auto last = std::find(rest.rbegin(), rest.rend(), end);  // the words hold none: they are text
    return last == rest.rend() ? Ended(rest, end) : std::vector<int32_t>(rest.begin(), last.base());
  }
  return Ended(prompter.tokenizer().Encode(SaidText(prompter, before, said, end)), end);
}

}  // namespace pith
