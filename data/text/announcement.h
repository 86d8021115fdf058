// A budget told at the beginning of the response ("budget 120:"): tokens behind the invocation that nobody sampled, so that one prompt, and its
// KV, serves every budget and every mode. They count in the length and carry no loss, and no reader is shown them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/text/tokenizer.h"

namespace pith {

// The tokens of `announcement` with each "{budget}" replaced by budget_tokens. They are encoded by themselves, as the prompt and the rest of the
// response are; special tokens in the text count as such. Empty where budget_tokens is 0 or the announcement empty. UserError where it would end
// the response.
std::vector<int32_t> AnnouncementIds(const Tokenizer& tokenizer, const std::string& announcement, int64_t budget_tokens);

}  // namespace pith
