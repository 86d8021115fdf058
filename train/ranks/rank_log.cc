#include "train/ranks/rank_log.h"

#include <string_view>

#include "base/error.h"

namespace pith {
namespace {

constexpr char kInfo = 'i', kWarning = 'w';

void Print(LogLevel level, const std::string& text) {
  const LogScope as_without(nullptr);
  level == LogLevel::kWarning ? LogWarning(text) : LogInfo(text);
}

}  // namespace

RankLog::RankLog(const Ranks& ranks) : ranks_(ranks) {
  if (ranks.size() == 1) return;
  sink_ = [this](LogLevel level, const std::string& text) {
    if (!ranks_.first()) {
      kept_.emplace_back(level, text);
      return;
    }
    printed_.insert(text);
    Print(level, text);
  };
  scope_.emplace(&sink_);
}

void RankLog::Settle() {
  if (ranks_.size() == 1) return;
  std::string mine;
  for (const auto& [level, text] : kept_) mine += Str(level == LogLevel::kWarning ? kWarning : kInfo, text, '\0');
  kept_.clear();
  const std::vector<std::string> all = ranks_.Gather(mine);
  if (!ranks_.first()) return;
  for (size_t rank = 1; rank < all.size(); ++rank) {
    const std::string_view lines = all[rank];
    for (size_t at = 0, end; at < lines.size(); at = end + 1) {
      end = lines.find('\0', at);
      const std::string text(lines.substr(at + 1, end - at - 1));
      if (printed_.insert(text).second) Print(lines[at] == kWarning ? LogLevel::kWarning : LogLevel::kInfo, Str("rank ", rank, ": ", text));
    }
  }
}

}  // namespace pith
