// What can be asked: the base, or an adapter on it; and how a budget closes its reasoning.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/packed_adapter.h"
#include "data/template/prompt.h"
#include "rewards/budget.h"
#include "runtime/generation/generate.h"

namespace pith {

struct NamedAdapter {
  std::string name;  // "base" when adapter is null
  AdapterRef adapter;
};

// Where `mode` begins to act in `prompt`: at the last match of the adapter's own invocation, which need not be the one
// that the chat template ends with. UserError when the prompt lacks it. prompt.invocation_start for any other mode.
int64_t FindSwitch(const NamedAdapter& mode, const Prompt& prompt, const Tokenizer& tokenizer);

// The decode-time side of a budget. Thoughts that a tag has opened are closed by </think> where the vocabulary has it as one token
// and the user gave no text of his own; all other reasoning by budget.close_text (special tokens in it count as such).
// UserError when B < 2R.
DecodeBudget MakeDecodeBudget(const Budget& budget, bool close_text_given, const Tokenizer& tokenizer);

}  // namespace pith
