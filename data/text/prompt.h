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

#include "data/text/chat_template.h"
#include "data/text/tokenizer.h"

namespace pith {

struct Prompt {
  std::vector<int32_t> ids;
  int64_t invocation_start = 0;  // index of the first invocation token
};

// The longest common suffix of ids, after the user's text, of two rendered prompts with different texts. UserError
// naming the template when it is empty.
std::vector<int32_t> DeriveInvocation(const ChatTemplate& chat, const Tokenizer& tokenizer);

// Index at which the last occurrence of `invocation` in `ids` begins; nothing when absent or empty.
std::optional<int64_t> FindInvocation(std::span<const int32_t> ids, std::span<const int32_t> invocation);

// Tokenizer, template and invocation of one model, loaded together. Immutable; thread-safe.
class Prompter {
 public:
  static std::unique_ptr<Prompter> Load(const std::string& gguf_file_or_hf_folder);
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ChatTemplate& chat() const { return *chat_; }
  const std::vector<int32_t>& invocation() const { return invocation_; }
  // The template rendered with an optional system message and one user message, and tokenised. The user's text cannot
  // become special tokens. UserError when the invocation is not found.
  Prompt Build(const std::string& user, const std::string& system = "") const;
  std::string Render(const std::string& user, const std::string& system = "") const;  // as text, for people

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ChatTemplate> chat_;
  std::vector<int32_t> invocation_;
};

}  // namespace pith
