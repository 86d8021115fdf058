#include "runtime/generation/loop_detector.h"

#include <algorithm>

namespace pith {

void LoopDetector::Append(int32_t token) {
  looping_ = false;
  const int size = static_cast<int>(tokens_.size());
  for (int period = 1; period <= std::min(kMaxPeriod, size); ++period) {
    int32_t& run = runs_[static_cast<size_t>(period)];
    run = tokens_[static_cast<size_t>(size - period)] == token ? run + 1 : 0;
    looping_ = looping_ || run + period >= std::max(kMinRepeats * period, kMinTokens);
  }
  tokens_.push_back(token);
}

}  // namespace pith
