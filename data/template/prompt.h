// From a question to the ids that a model sees, and where its adapter begins to act.
//
// The invocation is the chat template's generation prompt ("<|im_start|>assistant\n"). Tokens before it are computed by
// the bare base; the invocation and all that follows run with the adapter (PEFT's aLoRA). In a prompt its last match
// counts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/template/chat_template.h"
#include "data/text/tokenizer.h"

namespace pith {

struct Prompt {
  std::vector<int32_t> ids;
  int64_t invocation_start = 0;  // index of the first invocation token
};

// The ids of the generation prompt: what add_generation_prompt adds behind the user's turn, as far as it does not
// depend on the user's text (the common suffix of two rendered prompts with different texts). A template that ignores
// add_generation_prompt gives that whole common suffix. UserError naming the template when nothing is left.
std::vector<int32_t> DeriveInvocation(const ChatTemplate& chat, const Tokenizer& tokenizer);

// Index at which the last occurrence of `invocation` in `ids` begins; nothing when absent or empty.
std::optional<int64_t> FindInvocation(std::span<const int32_t> ids, std::span<const int32_t> invocation);

// Tokenizer, template and invocation of one model, loaded together. Immutable; thread-safe.
class Prompter {
 public:
  // `now`: the time that the template tells, as ChatTemplate::SetNow; `kwargs_json`: its further variables, as ChatTemplate::SetKwargs.
  static std::unique_ptr<Prompter> Load(const std::string& gguf_file_or_hf_folder, const std::string& now = "", const std::string& kwargs_json = "");
  // From parts already loaded; `origin` is for messages.
  static std::unique_ptr<Prompter> FromParts(std::shared_ptr<const Tokenizer> tokenizer, std::unique_ptr<ChatTemplate> chat,
                                             const std::string& origin);
  // One for the same model whose template is told another time and other variables.
  std::unique_ptr<Prompter> Told(const std::string& now, const std::string& kwargs_json) const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ChatTemplate& chat() const { return *chat_; }
  // UserError naming the template where none can be derived from it: only who needs one learns of that.
  const std::vector<int32_t>& invocation() const;
  // The template rendered with an optional system message and one user message, and tokenised. UserError when the
  // invocation is not found: the template's, or the one given.
  //
  // Neither text can become a control token, nor a part of one: before rendering, each of their characters that could
  // begin a control token, or finish one that the template began, is swapped for a private character (a Unicode
  // noncharacter that occurs nowhere in the texts); after rendering it is put back, and control tokens are not matched
  // where it stands. The bytes that are tokenised are those of the rendered template, so ids of ordinary texts equal
  // those of transformers' apply_chat_template.
  Prompt Build(const std::string& user, const std::string& system = "") const;
  Prompt Build(const std::string& user, const std::string& system, std::span<const int32_t> invocation) const;
  // The same for a conversation that the user has the last word in. An empty invocation is not looked for, and begins at the end.
  Prompt Build(std::span<const ChatMessage> messages, std::span<const int32_t> invocation) const;
  // The ids alone, for adapters that always act and for the base.
  std::vector<int32_t> Encode(const std::string& user, const std::string& system = "") const;
  std::vector<int32_t> Encode(std::span<const ChatMessage> messages) const;
  // Of a conversation that the assistant has the last word in, without a generation prompt. Of that word <think> and </think> are tokens, where the vocabulary has
  // them as such: it is the model's own.
  std::vector<int32_t> EncodeSaid(std::span<const ChatMessage> messages) const;
  std::string Render(const std::string& user, const std::string& system = "") const;  // as text, for people

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<ChatTemplate> chat_;
  std::vector<int32_t> invocation_;
  std::string no_invocation_;  // why there is none
  std::string origin_;

  std::vector<int32_t> EncodeGuarded(std::span<const ChatMessage> messages, bool add_generation_prompt, bool own_tags) const;
};

}  // namespace pith
