// What switching modes, chains, budgets and swaps cost, measured as an app would use them: on a scheduler over one engine.
#pragma once

#include <cstdint>
#include <vector>

#include "data/text/tokenizer.h"
#include "runtime/engine.h"
#include "runtime/generation/request.h"

namespace pith {

class ReasoningBench {
 public:
  // `adapter` may be null: then the base is measured against itself. The engine shares prefixes.
  ReasoningBench(Engine& engine, const Tokenizer& tokenizer, AdapterRef adapter, int reps);

  // After a prompt of so many tokens that the base has encoded, a reasoning response is asked for. Medians, in milliseconds.
  struct Switch {
    double first_token_ms;   // to its first token, from when the request is handed in
    double invocation_ms;    // a pass of the invocation's tokens alone
    double decode_step_ms;   // a pass of one token behind it
    double reencode_ms;      // to the first token of an engine that encodes the whole prompt again
  };
  Switch MeasureSwitch(int64_t prompt_tokens);

  // Decoding alone, the prompt shared: so many chains of so many tokens, and one.
  struct Chains {
    double total_ms, one_chain_ms;
    int64_t kv_bytes;        // of prompt and chains, at the end
  };
  Chains MeasureChains(int64_t prompt_tokens, int chains, int64_t tokens);

  // So many running answers, and a prompt of so many tokens that comes in beside them, on a scheduler that bounds the stall.
  struct Stall {
    double step_ms;          // between two tokens before the prompt came
    double longest_gap_ms;   // between two tokens of an answer, from then until the prompt's first token …
    double p99_gap_ms;       // … and what all but a hundredth stay below: of a machine that falters now and then it says more
    int64_t steps;           // that took
  };
  Stall MeasureStall(int64_t prompt_tokens, int running, double max_stall);

  // Responses under budgets that bind, drawn at temperature 1: with thoughts that the prompt opens and without tags, B alone, T and A,
  // pooled; announced where the adapter announces. Counted again from tokens and text.
  struct Budgets {
    int64_t generations = 0, over = 0, mislabelled = 0, forced = 0, announced = 0;
  };
  Budgets MeasureBudgets(int64_t generations);

  // Changes of the adapter between two passes.
  struct Swaps {
    double median_us;
    int64_t grown_bytes;     // of the process, from behind the first hundred
  };
  Swaps MeasureSwaps(int64_t swaps);

  static constexpr int64_t kStallTokens = 2048;  // an answer beside which a prompt comes in has at most so many

 private:
  std::vector<int32_t> Prompt(int64_t tokens, uint64_t seed) const;  // the invocation at its end
  GenerateRequest Request(std::vector<int32_t> prompt) const;
  void CountAgain(const GenerateRequest& request, const std::vector<Completion>& completions, Budgets* budgets) const;

  Engine& engine_;
  const Tokenizer& tokenizer_;
  AdapterRef adapter_;
  std::vector<int32_t> invocation_;
  int reps_;
};

}  // namespace pith
