// What a run's alarms watch: pure measures of completions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace pith {

// Share of a completion's n-grams of token ids that occurred in it before: 1 − distinct/total; 0 where it has fewer than n ids.
// (Repetition by n-grams as in arXiv 2502.03373.)
double Repetition(std::span<const int32_t> ids, int64_t n = 3);

// How many bytes of `text` come before the reasoning is over: up to the end of the first "</think>", or, where there is none, of
// the first line that marks an answer ("#### x"). −1 where neither occurs.
int64_t CloseEnd(std::string_view text);

// Tokens that follow the first `close_end` bytes of a text of `num_tokens` tokens, where decoded_bytes(k) is the length of the first
// k tokens as text (it never falls as k grows; called O(log) times). 0 for a close_end below 0. A token across the border counts as
// before it.
int64_t TokensAfter(int64_t close_end, int64_t num_tokens, const std::function<int64_t(int64_t k)>& decoded_bytes);

}  // namespace pith
