// When to close the reasoning of a response (design: DecodeBudget), and how long the response may be.
//
// In the last tokens before T the reasoning is closed at a sentence end, the likelier the nearer the end is: drawn from (seed, sample,
// position) alone, so that equal requests give equal responses. At T, on a loop, when time runs out, or when asked for, at once.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/generation/decode_budget.h"
#include "runtime/generation/loop_detector.h"
#include "runtime/generation/progress.h"

namespace pith {

enum class ForcedBy { kNone, kBudget, kTime, kLoop, kRequest };
const char* ForcedByName(ForcedBy by);  // "none" | "budget" | "time" | "loop" | "request"

// What the samples of a request with a pooled budget may still think together.
struct ThinkingPool {
  int64_t left = 0;   // tokens
  int64_t open = 0;   // samples that are still reasoning
};

class Closer {
 public:
  // Without a budget (nullptr) it never closes. pool: of a pooled budget. All must outlive it.
  Closer(const Tokenizer* tokenizer, const DecodeBudget* budget, Thoughts prompt, uint64_t seed, uint64_t sample, ThinkingPool* pool);

  // Before all others: so many tokens that announce the budget, of which they take their part. `prompt` is the thoughts behind them.
  void Announced(int64_t tokens);
  ResponsePart Append(int32_t token, bool forced);
  const ResponseProgress& progress() const { return progress_; }

  // Whether the closing text goes here, instead of `next` which the model would continue with, and why. elapsed_ms: since admission;
  // pace_ms: what a token takes.
  ForcedBy CloseBefore(int32_t next, double elapsed_ms, double pace_ms) const;
  // The closing text that goes here: of open thoughts, or of a response without tags.
  const std::vector<int32_t>& closing_text() const;
  void Closed();                      // it has been forced in: never again
  void CloseNow() { asked_ = true; }  // before the next token

  // Tokens at which the response ends, as far as can be said by now.
  int64_t Limit(int64_t max_tokens) const;
  bool OutOfTime(double elapsed_ms) const { return budget_ && budget_->time_ms > 0 && elapsed_ms >= budget_->time_ms; }
  // Whether the response may not end yet, nor its thoughts.
  bool MustGoOn() const { return budget_ && !forced_ && progress_.tokens() < budget_->min_think_tokens; }
  // Whether no tag of thoughts may come any more: they would be closed at once, or what answers be thought, at the answer's expense.
  bool MayNotThink() const;
  // Tokens of thoughts. Where thinking and answer are given apart and there are no tags, what T has paid for: all up to the closing text or the answer's
  // mark, and all of a response that ends without either.
  int64_t thinking_tokens() const;
  // The response is over: gives what it has not used back to its pool.
  void Finish();

 private:
  int64_t Left() const;  // tokens of thinking
  void SetReasoned(bool over);
  bool Draw(double chance) const;

  const Tokenizer* tokenizer_;
  const DecodeBudget* budget_;
  uint64_t seed_, sample_;
  ThinkingPool* pool_;
  ResponseProgress progress_;
  LoopDetector loop_;
  bool forced_ = false, asked_ = false;
  int64_t reasoned_ = -1;  // tokens when the reasoning was over; −1: it is not
};

// How many tokens of a response decoded without a budget are the same under one, where all else is the same: up to where the budget
// closes or ends it. budget: without a limit of time, not pooled. prompt: the thoughts at its end.
int64_t TokensBeforeBudget(const Tokenizer& tokenizer, const DecodeBudget& budget, Thoughts prompt, uint64_t seed, uint64_t sample,
                           std::span<const int32_t> response);

}  // namespace pith
