// When to close the reasoning of a response that runs out of its budget (design.md, "Length and budget").
//
// With budget B and reserve R: from B − R tokens on at the first sentence end, from B − R + R/2 tokens on at once, unless
// the response has given the closing text by itself.
#pragma once

#include <cstdint>
#include <string>

#include "data/text/tokenizer.h"
#include "runtime/generation/generate.h"

namespace pith {

class BudgetCloser {
 public:
  // Without a budget (nullptr) it never closes. Both must outlive it.
  BudgetCloser(const Tokenizer* tokenizer, const DecodeBudget* budget);

  // One more token of the response, sampled or forced.
  void Append(int32_t token);
  // Whether the closing text goes here, instead of `next` which the model would continue with.
  bool CloseBefore(int32_t next) const;

 private:
  const Tokenizer* tokenizer_;
  const DecodeBudget* budget_;
  int64_t spent_ = 0;     // tokens
  std::string text_;      // of the response so far
  std::string marker_;    // the closing text without the white space around it
  bool closed_ = false;
};

// Throws UserError: B < 2R, no closing text, one that leaves no room for an answer, or max_tokens < B.
void CheckDecodeBudget(const DecodeBudget& budget, int64_t max_tokens);

// Whether a sentence ends at the end of `text` when `next` would follow: after a line break, or after '.', '!' or '?' (and
// closing quotes or brackets) before white space. The point of "3.14" and of a line's number "2." ends none.
bool SentenceEnds(std::string_view text, std::string_view next);

}  // namespace pith
