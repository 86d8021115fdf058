// What is asked of the engine, and what comes of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/linear_head.h"
#include "data/text/response_text.h"
#include "runtime/engine.h"
#include "runtime/generation/closer.h"
#include "runtime/generation/decode_budget.h"
#include "runtime/generation/progress.h"
#include "runtime/generation/sampler.h"

namespace pith {

enum class Finish { kStop, kLength, kCancelled };
const char* FinishName(Finish finish);  // "stop" | "length" | "cancelled"

// What is asked behind a finished response, over its own keys and values, for a hidden state to judge it by (adapters/verifier_head.h).
struct ResponseCheck {
  std::vector<int32_t> ids;           // behind the response's end of turn; empty: nothing is asked
  int32_t end_id = -1;                // stands before them where the response has no end of its own
  bool by_base = false;               // they are the base's; else the request's adapter's
  std::shared_ptr<const LinearHead> head = {};  // for Completion::score; none: there is no score
  bool keep_hidden = false;           // for Completion::hidden

  int64_t most_tokens() const { return ids.empty() ? 0 : static_cast<int64_t>(ids.size()) + 1; }  // with an end of turn
};

inline constexpr int64_t kDefaultTokens = 512;  // of an answer

// The prompt before the invocation is encoded by the base; the adapter is switched on at the invocation and stays on
// (Activation::kAlways: from the first token).
struct GenerateRequest {
  std::vector<int32_t> prompt;
  int64_t invocation_start = 0;       // from Prompt; what stands before is people's text, whose tags open no thoughts. prompt.size(): all
                                      // of it is the caller's own
  AdapterRef adapter;                 // nullptr: base
  SamplingParams sampling;
  int64_t max_tokens = kDefaultTokens;  // the end-of-turn token included
  int64_t min_tokens = 0;             // no token that ends the response is drawn before; log-probabilities stay those of the whole vocabulary
  std::optional<DecodeBudget> budget;
  std::vector<int32_t> response_prefix;  // tokens of the response known already: counted, encoded under the adapter, not
                                      // sampled (an evaluation takes many budgets from one greedy trace by this)
  int64_t announced = 0;              // how many of these, the first ones, announce the budget (data/text/announcement.h): they are forced and
                                      // counted, and no text that anybody reads, no penalty and no search for answers or loops knows them
  int num_samples = 1;                // completions over one shared prompt
  uint64_t first_sample = 0;          // sample numbers first_sample, first_sample + 1, … name the random streams
  bool encode_only = false;           // nothing is sampled: the prompt is in the cache afterwards, for who comes next
  int64_t pool_tokens = 0;            // of encode_only: Completion::hidden is the mean of the hidden states of the last so many tokens of the prompt (all of a
                                      // shorter one), which are computed even where the cache has them; 0: none
  std::vector<std::string> stop = {};     // texts that end the response, and are no part of it
  std::vector<int32_t> stop_ids = {};     // tokens that do, beside the tokenizer's ends
  ResponseCheck check = {};
};

struct Usage {                       // tokens; thinking and answer are all of them
  int64_t thinking_tokens = 0;       // thoughts with their tags; with T and A given, all up to the closing text
  int64_t answer_tokens = 0;
  int64_t forced_tokens = 0;         // of both: the announcement and the closing text
  ForcedBy forced_by = ForcedBy::kNone;  // why the closing text was forced in
  int64_t drafted_tokens = 0;        // that were run before they were known to be right (runtime/speculation/), and …
  int64_t accepted_tokens = 0;       // … those of them that were
};

struct Completion {
  int sample = 0;                     // of its request, from 0
  std::vector<int32_t> tokens;        // everything after the generation prompt, the end-of-turn token included
  std::vector<float> logprobs;        // of each token under the sampler's policy, over the ids that the tokenizer knows (rows
                                      // of padding in the embedding are never sampled); 0 for tokens that were not sampled
  int64_t announced = 0;              // the first so many tokens announce the budget
  std::vector<int64_t> near_ties;     // of greedy decoding: where in `tokens` another token was as good as the one chosen (kNearTieMargin)
  int64_t forced_begin = -1;          // where the closing text was forced in; −1: never
  int64_t forced_end = -1;
  Finish finish = Finish::kLength;
  Usage usage;
  size_t cut_bytes = 0;               // of the text, at its end: a stop text, and what came with it
  bool prompt_opens_thoughts = false;  // the last tag of thoughts in prompt and announcement is <think>
  double ttft_ms = 0;                 // from the request's admission to its first token
  double wall_ms = 0;                 // from admission to the last token
  std::optional<double> score = {};   // by the check's head: how likely it is right, 0 to 1; nothing where it was not asked
  std::vector<float> hidden = {};     // behind the check, or of the prompt (pool_tokens): D; empty where it was not to be kept
  double check_ms = 0;                // that the check took, behind wall_ms

  // What stands behind the announcement: the model's own, and a closing text.
  std::span<const int32_t> said() const { return std::span(tokens).subspan(static_cast<size_t>(announced)); }
  // 1 for each token that was drawn from the model, 0 for those that were forced in: an announcement, a closing text.
  std::vector<uint8_t> Drawn() const;
  std::vector<float> DrawnLogprobs() const;  // of these alone
};

// A limit where nobody gives one: kDefaultTokens, or as many tokens as the context has room for behind the request's prompt and check; at least 1.
int64_t DefaultTokens(const GenerateRequest& request, int64_t context_length);

// The response as people read it: decoded without the announcement, without the token that ended it, and without a stop text.
std::string ResponseText(const Tokenizer& tokenizer, const Completion& completion);
// As a judge reads it (data/text/response_text.h), without the announcement, and without a stop text.
std::string JudgedText(const Tokenizer& tokenizer, const Completion& completion);

struct TokenEvent {
  int sample = 0;          // of its request, from 0
  int32_t token = -1;      // −1: none; text that was held back comes at the end
  ResponsePart part = ResponsePart::kAnswer;  // an announcement is forced, and has no text
  std::string_view text;   // what can be shown by now: whole characters, no control tokens, nothing that may be a stop text's beginning
};

}  // namespace pith
