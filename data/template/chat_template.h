// A model's chat template (Jinja, as transformers configures it: trim_blocks, lstrip_blocks, loop controls, a sandbox).
//
// A template is untrusted: steps, nesting and output are bounded, and nothing but its variables is within its reach.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"
#include "data/template/chat_message.h"

namespace pith {

struct TemplateOptions {
  bool add_generation_prompt = false;
  std::optional<std::string> bos, eos;  // instead of those of SetSpecial
  std::string tools_json;               // a JSON list for `tools`; empty: None
  std::string kwargs_json;              // a JSON object of further variables; empty: none. They win over the others
  std::string now;  // for strftime_now: "2024-07-26" or "2024-07-26T10:00:00"; empty: the local time
};

// Immutable but for SetSpecial, SetNow and SetKwargs; rendering is thread-safe.
class ChatTemplate {
 public:
  // From tokenizer.chat_template of a GGUF, or a Hugging Face folder (chat_template.jinja, tokenizer_config.json).
  static std::unique_ptr<ChatTemplate> Load(const std::string& gguf_file_or_hf_folder);
  static std::unique_ptr<ChatTemplate> FromGguf(const GgufFile& file);
  // From source text. UserError with the line of a syntax error, or of a construct that pith lacks, by name.
  static std::unique_ptr<ChatTemplate> FromSource(const std::string& jinja);
  std::unique_ptr<ChatTemplate> Copy() const;  // the same template with the same bos and eos, told no time and no variables
  ~ChatTemplate();

  // UserError when the template raises an exception. `bos` and `eos` are bound to bos_token and eos_token.
  std::string Render(std::span<const ChatMessage> messages, bool add_generation_prompt) const;
  // The same with messages as a JSON list, as a Hugging Face conversation, tool calls included.
  std::string RenderJson(std::string_view messages_json, const TemplateOptions& options) const;
  const std::string& source() const;
  void SetSpecial(const std::string& bos, const std::string& eos);
  // The time that strftime_now tells from now on, as TemplateOptions::now; empty: the local time. UserError if
  // malformed.
  void SetNow(const std::string& now);
  // Variables that every rendering is given from now on, as TemplateOptions::kwargs_json ({"enable_thinking": false}); empty: none. UserError
  // where they are no JSON object.
  void SetKwargs(const std::string& kwargs_json);
  std::vector<std::string> UnusedKwargs() const;  // those of them that the template does not ask for
  bool TellsTime() const;  // asks for the time (strftime_now), be it in one case only: what it renders may change with the day

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  ChatTemplate();
};

}  // namespace pith
