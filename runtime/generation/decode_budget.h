// The budget at decode time: how long a response may think, and how long it may answer (rewards/budget.h holds the whole object).
#pragma once

#include <cstdint>
#include <vector>

namespace pith {

// L counts every token behind the generation prompt: thoughts, tags, forced tokens, the end-of-turn token. Thinking is over within T
// tokens, the closing text included; so that the answer has its whole reserve A, whatever was forced. Nothing passes B.
//   B alone: T = B − R, A = R; a response that closes its thoughts early may answer with all that is left of B.
//   T and A: B = T + A; the answer has A tokens, however little was thought.
struct DecodeBudget {
  int64_t tokens = 0;                   // B; 0: no limit of tokens (thoughts are closed by time, on a loop, or when asked for)
  int64_t reserve_tokens = 32;          // R
  std::vector<int32_t> close_ids;       // the closing text of a response without tags
  std::vector<int32_t> think_close_ids = {};  // closes thoughts that a tag has opened (</think>); empty: close_ids does
  int64_t think_tokens = 0;             // T, where it is given apart from A; then tokens is their sum
  int64_t answer_tokens = 0;            // A
  int64_t min_think_tokens = 0;         // before so many tokens neither thoughts nor response may end
  double time_ms = 0;                   // of the whole response, from its request's admission on; 0: no limit
  bool pooled = false;                  // B is for all samples of the request together: what one leaves, the others may think with

  bool split() const { return think_tokens > 0; }
  // T and A are given instead of B, which becomes their sum. answer 0: the reserve.
  void Split(int64_t think, int64_t answer);
  int64_t think_limit() const { return split() ? think_tokens : tokens - reserve_tokens; }  // T; of no meaning where tokens is 0
  int64_t answer_reserve() const { return split() ? answer_tokens : reserve_tokens; }       // A
  int64_t close_size() const { return static_cast<int64_t>(close_ids.size()); }
  // Thoughts are closed at sentence ends of the last tokens before T; so many tokens before.
  int64_t close_window() const;
  int64_t closes_from() const { return think_limit() - close_size() - close_window(); }     // no earlier, but on a loop
};

// UserErrors: B < 2R, T or A without the other, no closing text, one that takes more than half of the thoughts, max_tokens < B, a
// minimum that leaves no room to close, negative numbers, a pool that is too small for its samples.
void CheckDecodeBudget(const DecodeBudget& budget, int64_t max_tokens, int num_samples = 1);
// UserError where an announcement of so many tokens and the closing text leave nothing of a budget that has been checked to think with.
void CheckAnnouncement(const DecodeBudget& budget, int64_t announced, int num_samples);

}  // namespace pith
