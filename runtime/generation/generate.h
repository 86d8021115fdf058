// Completions for many prompts at once: continuous batching over one engine, groups that share their prompt's KV, and the
// budget at decode time.
//
// The prompt before the invocation is encoded by the base; the adapter is switched on at the invocation and stays on
// (Activation::kAlways: from the first token). With a budget B: once B − R tokens are spent the reasoning is closed at a
// sentence end, at the latest after R/2 more tokens, by the closing text; the answer follows, and all stops at B.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/text/tokenizer.h"
#include "runtime/engine.h"
#include "runtime/generation/sampler.h"

namespace pith {

// The decode-time side of the budget (rewards/budget.h holds the whole object).
struct DecodeBudget {
  int64_t tokens = 0;            // B
  int64_t reserve_tokens = 32;   // R
  std::vector<int32_t> close_ids;  // closing text, tokenised (</think> as its special token where there is one)
};

enum class Finish { kStop, kLength, kCancelled };
const char* FinishName(Finish finish);  // "stop" | "length" | "cancelled"

struct GenerateRequest {
  std::vector<int32_t> prompt;
  int64_t invocation_start = 0;       // from Prompt
  AdapterRef adapter;                 // nullptr: base
  SamplingParams sampling;
  int64_t max_tokens = 512;           // the end-of-turn token included
  std::optional<DecodeBudget> budget;
  std::vector<int32_t> response_prefix;  // tokens of the response known already: counted, encoded under the adapter, not
                                      // sampled (an evaluation takes many budgets from one greedy trace by this)
  int num_samples = 1;                // completions over one shared prompt
  uint64_t first_sample = 0;          // sample numbers first_sample, first_sample + 1, … name the random streams
};

struct Completion {
  std::vector<int32_t> tokens;        // everything after the generation prompt, the end-of-turn token included
  std::vector<float> logprobs;        // of each token under the sampler's policy, over the ids that the tokenizer knows (rows
                                      // of padding in the embedding are never sampled); 0 for forced tokens
  int64_t forced_begin = -1;          // where the closing text was forced in; −1: never
  int64_t forced_end = -1;
  Finish finish = Finish::kLength;
  bool prompt_opens_thoughts = false;  // the prompt's last tag of thoughts is <think>
  double ttft_ms = 0;                 // from the request's admission to its first token
  double wall_ms = 0;                 // from admission to the last token
};

struct GenerateOptions {
  int max_batch = 32;                                           // sequences decoded together
  std::function<void(int64_t done, int64_t total)> on_progress = {};  // completions; may be empty
  std::function<bool()> cancelled = {};                          // polled once per step; may be empty
  std::function<void(size_t request, int sample, int32_t token)> on_token = {};  // streaming; may be empty
  // A completion that has come to its end, while others go on; not for cancelled ones; may be empty.
  std::function<void(size_t request, const Completion& completion)> on_completion = {};
};

struct GenerateStats {
  int64_t prompt_tokens = 0, generated_tokens = 0;
  double seconds = 0;
};

// result[i] holds request i's num_samples completions. Each depends on its own request alone (batch invariance).
// UserError when a prompt and its max_tokens do not fit the model's context or the cache, or B < 2R.
std::vector<std::vector<Completion>> Generate(Engine& engine, const Tokenizer& tokenizer,
                                              std::span<const GenerateRequest> requests, const GenerateOptions& options,
                                              GenerateStats* stats = nullptr);

}  // namespace pith
