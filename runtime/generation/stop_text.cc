#include "runtime/generation/stop_text.h"

#include <algorithm>

namespace pith {

bool StopText::Append(std::string_view bytes) {
  if (stops_->empty() || found_ >= 0) return found_ >= 0;
  const size_t before = tail_.size();
  tail_ += bytes;
  size_t first = std::string::npos;
  for (size_t i = 0; i < stops_->size(); ++i) {
    const std::string& stop = (*stops_)[i];
    // What ended before these bytes was looked at, or skipped.
    const size_t at = tail_.find(stop, before < stop.size() ? 0 : before - stop.size() + 1);
    if (at == std::string::npos || at > first || (at == first && stop.size() <= (*stops_)[static_cast<size_t>(found_)].size())) continue;
    first = at;
    found_ = static_cast<int>(i);
  }
  if (found_ < 0) {
    Forget();
    return false;
  }
  cut_ = tail_.size() - first;
  return true;
}

void StopText::Skip(std::string_view bytes) {
  if (stops_->empty() || found_ >= 0) return;
  tail_ += bytes;
  Forget();
}

// All but what one of the texts may still begin with.
void StopText::Forget() {
  size_t longest = 1;
  for (const std::string& stop : *stops_) longest = std::max(longest, stop.size());
  if (tail_.size() >= longest) tail_.erase(0, tail_.size() - (longest - 1));
}

size_t StopText::Held() const {
  if (found_ >= 0) return cut_;
  size_t held = 0;
  for (const std::string& stop : *stops_) {
    for (size_t size = std::min(stop.size() - 1, tail_.size()); size > held; --size) {
      if (std::string_view(tail_).substr(tail_.size() - size) == std::string_view(stop).substr(0, size)) held = size;
    }
  }
  return held;
}

}  // namespace pith
