// What a response has come to, token by token: its text, whether it is thinking, whether it has given its answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/text/response_text.h"
#include "data/text/tokenizer.h"
#include "runtime/generation/answer_mark.h"

namespace pith {

enum class ResponsePart { kThinking, kAnswer, kForced };  // what a token is
const char* ResponsePartName(ResponsePart part);          // "thinking" | "answer" | "forced"

class ResponseProgress {
 public:
  // `prompt`: the thoughts at its end. `marker`: see AnswerMark. tokenizer must outlive it.
  ResponseProgress(const Tokenizer* tokenizer, Thoughts prompt, std::string marker);

  // Before all others: so many tokens that announce the budget. They count, and their text is nobody's; `prompt` is the thoughts behind them.
  void Announced(int64_t tokens);
  // One more token, sampled or forced. The tags of thoughts are thinking.
  ResponsePart Append(int32_t token);

  int64_t tokens() const { return tokens_; }
  const std::string& text() const { return text_; }
  bool thoughts_open() const { return thoughts_ == Thoughts::kOpen; }
  bool thoughts_closed() const { return closed_here_ && !thoughts_open(); }  // by the response itself
  // Whether there still is something to close: open thoughts; where the response has had none, as long as it has given no answer.
  bool reasoning() const { return thoughts_open() || !(thoughts_closed() || mark_.found()); }
  // Tokens of thoughts, their tags included: between tags, or up to a </think> that nothing had opened. 0 without tags.
  int64_t thinking_tokens() const { return thinking_; }

 private:
  const Tokenizer* tokenizer_;
  Thoughts thoughts_;
  AnswerMark mark_;
  bool closed_here_ = false;
  int64_t tokens_ = 0, thinking_ = 0;
  std::string text_;
  std::vector<size_t> ends_;  // of each token in the text
};

}  // namespace pith
