// A completion as a verifier sees it.
#pragma once

#include <string>
#include <string_view>

#include "data/problem.h"
#include "data/text/response_text.h"
#include "rewards/verifier.h"
#include "runtime/generation/generate.h"

namespace pith {

// Which limit ended a completion with this judged text: within its thoughts, in the answer behind them, or where it has none.
inline EndedBy WhatEnded(const Completion& completion, std::string_view judged_text) {
  if (completion.finish != Finish::kLength) return EndedBy::kNone;
  if (EndsInThoughts(judged_text)) return EndedBy::kThinking;
  return completion.forced_begin >= 0 || judged_text.find("</think>") != std::string_view::npos ? EndedBy::kAnswer : EndedBy::kWhole;
}

// `response`: its judged text. All outlive the attempt.
inline Attempt MakeAttempt(const Problem& problem, std::string_view response, const Completion& completion) {
  Attempt attempt;
  attempt.problem = problem.id;
  attempt.kind = problem.kind;
  attempt.payload = problem.payload;
  attempt.question = problem.question;
  attempt.gold = problem.answer;
  attempt.response = response;
  attempt.tokens = static_cast<int64_t>(completion.tokens.size());
  attempt.ended_by = WhatEnded(completion, response);
  attempt.forced = completion.forced_begin >= 0;
  return attempt;
}

}  // namespace pith
