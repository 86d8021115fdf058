// A model's chat template (Jinja, as transformers configures it: trim_blocks, lstrip_blocks).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/gguf.h"

namespace pith {

struct ChatMessage {
  std::string role;     // "system", "user", "assistant"
  std::string content;
};

// Immutable; thread-safe.
class ChatTemplate {
 public:
  // From tokenizer.chat_template of a GGUF, or a Hugging Face folder (chat_template.jinja, tokenizer_config.json).
  static std::unique_ptr<ChatTemplate> Load(const std::string& gguf_file_or_hf_folder);
  // From source text. UserError with the line of a syntax error, or of a construct that pith lacks, by name.
  static std::unique_ptr<ChatTemplate> FromSource(const std::string& jinja);
  ~ChatTemplate();

  // UserError when the template raises an exception. `bos` and `eos` are bound to bos_token and eos_token.
  std::string Render(std::span<const ChatMessage> messages, bool add_generation_prompt) const;
  void SetSpecial(const std::string& bos, const std::string& eos);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  ChatTemplate();
};

}  // namespace pith
