#include "data/conversation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pith {
namespace {

using MessageJson = nlohmann::json;

constexpr const char* kRoles[] = {"system", "user", "assistant", "tool"};

bool SaysNothing(const MessageJson& value) { return value.is_null() || (value.is_structured() && value.empty()); }

ChatMessage MessageOf(const MessageJson& json, const std::string& place) {
  if (!json.is_object()) ThrowUser(place, " is a JSON ", json.type_name(), ", expected an object such as {\"role\": \"user\", \"content\": \"…\"}");
  for (const auto& [key, value] : json.items()) {
    if (key == "role" || key == "content" || SaysNothing(value)) continue;
    ThrowUser(place, " has '", key, "', which is not learned from; expected role and content alone: write into the content what is to be said, or remove the key");
  }
  ChatMessage message;
  for (const auto& [key, text] : {std::pair("role", &message.role), std::pair("content", &message.content)}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) {
      ThrowUser(place, found == json.end() ? Str(" has no '", key, "'") : Str(": its '", key, "' is a JSON ", found->type_name()), ", expected a text");
    }
    *text = found->get<std::string>();
  }
  if (std::find(std::begin(kRoles), std::end(kRoles), message.role) == std::end(kRoles)) {
    ThrowUser(place, " has the role '", message.role, "', expected system, user, assistant or tool");
  }
  return message;
}

bool IsSpoken(const ChatMessage& message) {
  return message.role == "assistant" && message.content.find_first_not_of(" \t\r\n") != std::string::npos;
}

}  // namespace

std::vector<ChatMessage> MessagesOf(const JsonRecord& record) {
  const MessageJson json = MessageJson::parse(record.JsonOf(kMessagesField));  // it was read before
  const std::string place = Str(record.place(), ": '", kMessagesField, "'");
  if (!json.is_array() || json.empty()) ThrowUser(place, " is ", json.is_array() ? "empty" : Str("a JSON ", json.type_name()), ", expected a list of messages");
  std::vector<ChatMessage> messages;
  for (const MessageJson& message : json) {
    messages.push_back(MessageOf(message, Str(place, ", message ", messages.size() + 1)));
    if (messages.size() > 1 && messages.back().role == "system") ThrowUser(place, ", message ", messages.size(), " is of the system, which speaks first or not at all");
  }
  if (std::none_of(messages.begin(), messages.end(), IsSpoken)) {
    ThrowUser(place, " has no message of the assistant that says something, so there is nothing to learn; give it one, or remove the line");
  }
  return messages;
}

}  // namespace pith
