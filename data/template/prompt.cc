#include "data/template/prompt.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "data/template/guarded_text.h"
#include "data/text/response_text.h"

namespace pith {
namespace {

std::vector<ChatMessage> OneTurn(const std::string& user, const std::string& system) {
  std::vector<ChatMessage> messages;
  if (!system.empty()) messages.push_back({"system", system});
  messages.push_back({"user", user});
  return messages;
}

// Leaves the tags of thoughts as they are.
std::string ProtectBesideTags(std::string_view text, TextGuard* guard) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find(kThinkOpen), close = text.find(kThinkClose), at = std::min(open, close);
    out += guard->Protect(text.substr(0, at));
    if (at == std::string_view::npos) break;
    const std::string_view tag = at == open ? kThinkOpen : kThinkClose;
    out += tag;
    text.remove_prefix(at + tag.size());
  }
  return out;
}

}  // namespace

std::vector<int32_t> DeriveInvocation(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  const auto ids = [&](const char* user, bool add_generation_prompt) {
    return tokenizer.Encode(chat.Render(OneTurn(user, ""), add_generation_prompt), SpecialTokens::kParse);
  };
  const std::vector<int32_t> first = ids("How many apples are left?", true);
  const std::vector<int32_t> second = ids("Name 7 colours, please", true);
  const std::vector<int32_t> without = ids("How many apples are left?", false);

  const auto [mine, theirs] = std::mismatch(first.rbegin(), first.rend(), second.rbegin(), second.rend());
  const auto suffix = mine - first.rbegin();
  const auto [added, other] = std::mismatch(first.begin(), first.end(), without.begin(), without.end());
  const auto generation = first.end() - added;
  const auto size = generation > 0 ? std::min(suffix, generation) : suffix;
  if (size == 0 || suffix == static_cast<std::ptrdiff_t>(first.size())) {
    ThrowUser(
        "the chat template adds no generation prompt behind the user's text that an adapter could begin at; "
        "its rendering ends in '",
        chat.Render(OneTurn("…", ""), true), "'; give the invocation yourself");
  }
  return {first.end() - size, first.end()};
}

std::optional<int64_t> FindInvocation(std::span<const int32_t> ids, std::span<const int32_t> invocation) {
  if (invocation.empty()) return std::nullopt;
  const auto found = std::find_end(ids.begin(), ids.end(), invocation.begin(), invocation.end());
  if (found == ids.end()) return std::nullopt;
  return found - ids.begin();
}

std::unique_ptr<Prompter> Prompter::Load(const std::string& path, const std::string& now, const std::string& kwargs_json) {
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<ChatTemplate> chat;
  if (IsFolder(path)) {
    tokenizer = Tokenizer::Load(path);
    chat = ChatTemplate::Load(path);
  } else {
    const GgufFile file(path);
    tokenizer = Tokenizer::FromGguf(file);
    chat = ChatTemplate::FromGguf(file);
  }
  chat->SetNow(now);
  chat->SetKwargs(kwargs_json);
  return FromParts(std::move(tokenizer), std::move(chat), path);
}

std::unique_ptr<Prompter> Prompter::Told(const std::string& now, const std::string& kwargs_json) const {
  auto chat = chat_->Copy();
  chat->SetNow(now);
  chat->SetKwargs(kwargs_json);
  return FromParts(tokenizer_, std::move(chat), origin_);
}

std::unique_ptr<Prompter> Prompter::FromParts(std::shared_ptr<const Tokenizer> tokenizer, std::unique_ptr<ChatTemplate> chat,
                                              const std::string& origin) {
  auto prompter = std::make_unique<Prompter>();
  prompter->tokenizer_ = std::move(tokenizer);
  prompter->chat_ = std::move(chat);
  prompter->origin_ = origin;
  try {
    prompter->invocation_ = DeriveInvocation(*prompter->chat_, *prompter->tokenizer_);
  } catch (const UserError& error) {
    prompter->no_invocation_ = Str("'", origin, "': ", error.what());
  }
  return prompter;
}

const std::vector<int32_t>& Prompter::invocation() const {
  if (!no_invocation_.empty()) throw UserError(no_invocation_);
  return invocation_;
}

Prompt Prompter::Build(const std::string& user, const std::string& system) const {
  return Build(user, system, invocation());
}

Prompt Prompter::Build(const std::string& user, const std::string& system, std::span<const int32_t> invocation) const {
  return Build(OneTurn(user, system), invocation);
}

Prompt Prompter::Build(std::span<const ChatMessage> messages, std::span<const int32_t> invocation) const {
  Prompt prompt;
  prompt.ids = Encode(messages);
  prompt.invocation_start = static_cast<int64_t>(prompt.ids.size());
  if (invocation.empty()) return prompt;
  const auto start = FindInvocation(prompt.ids, invocation);
  if (!start) {
    const std::vector<int32_t> wanted(invocation.begin(), invocation.end());
    const std::string text = tokenizer_->Decode(prompt.ids, true);
    ThrowUser("'", origin_, "': the rendered prompt does not hold the invocation '", tokenizer_->Decode(wanted, true),
              "', so an adapter could not begin; its last characters are '",
              text.substr(text.size() - std::min<size_t>(text.size(), 60)), "'");
  }
  prompt.invocation_start = *start;
  return prompt;
}

std::vector<int32_t> Prompter::Encode(const std::string& user, const std::string& system) const {
  return Encode(OneTurn(user, system));
}

std::vector<int32_t> Prompter::Encode(std::span<const ChatMessage> messages) const { return EncodeGuarded(messages, true, false); }
std::vector<int32_t> Prompter::EncodeSaid(std::span<const ChatMessage> messages) const { return EncodeGuarded(messages, false, true); }

std::vector<int32_t> Prompter::EncodeGuarded(std::span<const ChatMessage> messages, bool add_generation_prompt, bool own_tags) const {
  std::vector<std::string_view> texts;
  for (const ChatMessage& message : messages) texts.push_back(message.content);
  TextGuard guard(tokenizer_->ControlTexts(), texts);
  std::vector<ChatMessage> guarded;
  for (const ChatMessage& message : messages) guarded.push_back({message.role, guard.Protect(message.content)});
  if (own_tags) guarded.back().content = ProtectBesideTags(messages.back().content, &guard);
  const std::string rendered = chat_->Render(guarded, add_generation_prompt);
  std::vector<TextRange> literal;
  const std::string text = guard.Restore(rendered, &literal);
  return tokenizer_->EncodeAround(text, literal);
}

std::string Prompter::Render(const std::string& user, const std::string& system) const {
  return chat_->Render(OneTurn(user, system), true);
}

}  // namespace pith
