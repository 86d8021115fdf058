// A completion as a verifier sees it.
#pragma once

#include <string_view>

#include "data/problem.h"
#include "rewards/verifier.h"
#include "runtime/generate.h"

namespace pith {

// `response`: the completion's text, without the end-of-turn token. All outlive the attempt.
inline Attempt MakeAttempt(const Problem& problem, std::string_view response, const Completion& completion) {
  Attempt attempt;
  attempt.problem = problem.id;
  attempt.kind = problem.kind;
  attempt.payload = problem.payload;
  attempt.question = problem.question;
  attempt.gold = problem.answer;
  attempt.response = response;
  attempt.tokens = static_cast<int64_t>(completion.tokens.size());
  attempt.ended_by = completion.finish == Finish::kLength ? EndedBy::kWhole : EndedBy::kNone;
  attempt.forced = completion.forced_begin >= 0;
  return attempt;
}

}  // namespace pith
