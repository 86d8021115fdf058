// What can be asked: the base, or an adapter on it; and how a budget closes its reasoning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/packed_adapter.h"
#include "data/template/prompt.h"
#include "runtime/generation/decode_budget.h"
#include "runtime/generation/request.h"

namespace pith {

struct NamedAdapter {
  std::string name;  // "base" when adapter is null
  AdapterRef adapter;
};

// Where `mode` begins to act in `prompt`: at the last match of the adapter's own invocation, which need not be the one
// that the chat template ends with. UserError when the prompt lacks it, with `advice` for who made the prompt himself. prompt.invocation_start for any
// other mode.
int64_t FindSwitch(const NamedAdapter& mode, const Prompt& prompt, const Tokenizer& tokenizer, const std::string& advice = "end a --raw prompt with them");

// How a budget closes: thoughts that a tag has opened by </think>, unless somebody gave a text of his own (`given`); all other
// reasoning by close_text (special tokens in it count as such). Its numbers are left to the caller.
DecodeBudget ClosedBy(const std::string& close_text, bool given, const Tokenizer& tokenizer);

// The check that the verifier of `mode`'s adapter scores a response by. UserError where it has none; `asked` is what wants it: "--score", "request.vote".
ResponseCheck CheckOf(const NamedAdapter& mode, const std::string& asked);

// The text by which a response's budget is announced to `mode` (data/text/announcement.h): `given`, else the one that the adapter was trained with.
// Empty, that is not: to the base, and where `sentence` tells it in the user's turn.
std::string AnnouncementOf(const NamedAdapter& mode, const std::optional<std::string>& given, const std::string& sentence);
// Begins the response with it alone, where the request has an adapter and a budget of tokens; of a pooled one each chain is told its share.
void Announce(const std::string& announcement, const Tokenizer& tokenizer, GenerateRequest* request);

}  // namespace pith
