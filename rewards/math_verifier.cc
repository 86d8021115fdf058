#include "rewards/math_verifier.h"

#include "base/error.h"

namespace pith {

const char* EndedByName(EndedBy limit) {
  switch (limit) {
    case EndedBy::kNone: return "none";
    case EndedBy::kThinking: return "thinking";
    case EndedBy::kAnswer: return "answer";
    case EndedBy::kWhole: return "whole";
  }
  return "none";
}

std::vector<Judgement> MathVerifier::Judge(std::span<const Attempt> attempts) {
  std::vector<Judgement> out;
  out.reserve(attempts.size());
  for (const Attempt& attempt : attempts) {
    const AnswerKey key(attempt.gold, attempt.question);
    const Grade grade = reading_ == MathReading::kPrediction
                            ? GradePrediction(key, attempt.response)
                            : GradeResponse(key, attempt.response, reading_ == MathReading::kStrict ? Reading::kStrict : Reading::kLenient);
    const bool paid = grade.verdict == Verdict::kCorrect || (grade.verdict == Verdict::kUnsimplified && pay_unsimplified_);
    out.push_back({grade.verdict, paid ? 1.0 : 0.0, grade.verdict == Verdict::kError ? "the judge of mathematics failed" : "", grade.extracted});
  }
  return out;
}

std::string MathVerifier::Identity() const {
  return Str("math ", static_cast<int>(reading_), pay_unsimplified_ ? " any" : " finished");
}

}  // namespace pith
