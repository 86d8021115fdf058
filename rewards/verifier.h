// What judges: attempts at problems in, verdicts out. Mathematics is one such judge (rewards/math_verifier.h), a command or a URL
// of the user's another (rewards/external/); rewards/verifiers.h chooses among them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/answers/answer.h"

namespace pith {

// Which limit ended a completion before it had ended by itself.
enum class EndedBy { kNone, kThinking, kAnswer, kWhole };
const char* EndedByName(EndedBy limit);  // "none" | "thinking" | "answer" | "whole"

// One response to one problem. Views: whoever judges keeps none of them.
struct Attempt {
  std::string_view problem = {};    // its id
  std::string_view kind = "math";   // chooses the verifier
  std::string_view payload = {};    // JSON text, what this kind's verifier needs beside the rest; empty: none
  std::string_view question = {};
  std::string_view gold = {};       // may be a worked solution with a marked answer
  std::string_view response = {};   // decoded, without the end-of-turn token
  // How the response came to its end.
  int64_t tokens = 0;               // as rewards/budget.h counts them
  EndedBy ended_by = EndedBy::kNone;
  bool forced = false;              // the text that closes the reasoning was put into it
  bool truncated() const { return ended_by != EndedBy::kNone; }
};

struct Judgement {
  Verdict verdict = Verdict::kError;
  double score = 0;       // in [0, 1]: what it is worth before any term of length. 0 where the verdict is error, cut or timeout
  std::string reason;     // for people; never empty where the verdict is error, mostly empty else
  std::string extracted;  // what was taken for the answer; empty where nothing was found or the verifier does not say

  // Whether it counts as solved: in filters, the curriculum, accuracy. An unsimplified answer does where it is paid.
  bool right() const { return verdict == Verdict::kCorrect || (verdict == Verdict::kUnsimplified && score > 0); }
  bool failed() const { return verdict == Verdict::kError; }  // nothing is known of the attempt
};

// Judges attempts of the kinds that it was made for. Thread-safe. A judgement depends on its attempt alone, not on what else is
// in the batch.
//
// A verifier that cannot say (it crashed, took too long, answered rubbish) gives the verdict `error` and a reason, so that no
// failure ever says "wrong"; it throws for nothing that an attempt holds. What it throws all the same becomes such errors.
class Verifier {
 public:
  virtual ~Verifier() = default;
  // One judgement per attempt, in their order.
  virtual std::vector<Judgement> Judge(std::span<const Attempt> attempts) = 0;
  // Names all that a judgement depends on beside the attempt: judgements are cached under it.
  virtual std::string Identity() const = 0;
  // Whether its work is the caller's own (a pure function of gold, question and response, worth several threads of this process).
  // Otherwise it does its own waiting, sees the whole batch at once, and may judge by every field of an attempt.
  virtual bool IsPure() const { return false; }
  // Ends what is being judged and what will be asked for, with errors. For the end of a program that waits for nothing any more.
  virtual void Stop() {}
};

}  // namespace pith
