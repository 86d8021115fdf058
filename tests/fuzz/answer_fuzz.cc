// Answers: any bytes as a gold answer, a newline, any bytes as a response. Nothing may crash, throw or run away, an answer
// equals itself, and judging has no memory.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "rewards/answers/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const std::string gold = text.substr(0, line), response = line == std::string::npos ? text : text.substr(line + 1);
  const pith::Grade first = pith::GradePrediction(gold, response);
  const pith::Grade again = pith::GradePrediction(gold, response);
  if (first.verdict != again.verdict || first.extracted != again.extracted) std::abort();
  if ((first.verdict == pith::Verdict::kUnparsed) != first.extracted.empty()) std::abort();
  for (const pith::Reading reading : {pith::Reading::kStrict, pith::Reading::kLenient}) pith::GradeResponse(gold, response, reading);
  // Only an answer without any letter, digit or sign does not equal itself.
  if (pith::JudgeAnswer(gold, gold) == pith::Verdict::kTimeout) std::abort();
  return 0;
}
