// What travels between pith and a judge of the user's.
//
//   there  {"id": 7, "problem": "gsm8k-3", "kind": "math", "question": …, "gold": …, "response": …, "tokens": 93, "truncated": false,
//           "ended_by": "none", "forced": false, "payload": …}
//   back   {"id": 7, "score": 0 … 1 or "correct": true, and as it likes "verdict", "reason", "extracted"}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/verifier.h"

namespace pith {

// On one line, without its end. What is not UTF-8 is replaced.
std::string AttemptJson(int64_t id, const Attempt& attempt);

struct Reply {
  std::optional<int64_t> id;  // nothing: the text is no answer to anything
  Judgement judgement;        // an error, with a reason, where the answer is none
};

// A judgement must not contradict itself: right for a score of 0, wrong for 1, a verdict against "correct".
Reply ParseReply(std::string_view line, bool pay_unsimplified);
// The answers of a list. Nothing, and why in `problem`, where it is none.
std::optional<std::vector<Reply>> ParseReplies(std::string_view text, bool pay_unsimplified, std::string* problem);

// The beginning of a text, for a message.
std::string Beginning(std::string_view text);

}  // namespace pith
