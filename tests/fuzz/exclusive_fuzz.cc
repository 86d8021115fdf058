// One response, one gold answer: two different whole numbers, and any text in which "A" and "B" stand for them. At most one of the two is paid.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rewards/answers/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > 1024) return 0;
  const int a = data[0], b = data[1] + 300;  // never a hundredfold of each other, which a percent sign could make the same
  if (b == 100 * a || a == 100 * b) return 0;
  std::string response;
  for (size_t i = 2; i < size; ++i) {
    const char c = static_cast<char>(data[i]);
    if (c == 'A') response += std::to_string(a);
    else if (c == 'B') response += std::to_string(b);
    else response += c;
  }
  const auto paid = [&](int gold, pith::Reading reading) {
    return pith::GradeResponse(std::to_string(gold), response, reading).verdict == pith::Verdict::kCorrect;
  };
  for (const pith::Reading reading : {pith::Reading::kStrict, pith::Reading::kLenient}) {
    if (paid(a, reading) && paid(b, reading)) std::abort();
  }
  const auto predicted = [&](int gold) { return pith::GradePrediction(std::to_string(gold), response).verdict == pith::Verdict::kCorrect; };
  if (predicted(a) && predicted(b)) std::abort();
  return 0;
}
