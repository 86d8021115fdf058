// What ranks have to say, said once: all of them read the same files and settings, and so warn of the same things.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "train/ranks/ranks.h"

namespace pith {

// While it lives, of what this thread logs the first rank's is printed at once, as without it, and that of the others is kept. A process
// alone logs as ever.
class RankLog {
 public:
  explicit RankLog(const Ranks& ranks);
  RankLog(const RankLog&) = delete;
  RankLog& operator=(const RankLog&) = delete;

  // To be called by all ranks at the same point. What the others kept and the first one did not say (of a machine of their own) is printed
  // now, "rank 1: …", each text once.
  void Settle();

 private:
  const Ranks& ranks_;
  LogSink sink_;
  std::optional<LogScope> scope_;
  std::set<std::string> printed_;                          // the first rank's alone
  std::vector<std::pair<LogLevel, std::string>> kept_;     // the others'
};

}  // namespace pith
