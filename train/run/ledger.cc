#include "train/run/ledger.h"

#include <utility>

namespace pith {

void Ledger::Switch(std::string account) {
  const Clock::time_point now = Clock::now();
  seconds_[open_] += std::chrono::duration<double>(now - since_).count();
  since_ = now;
  open_ = std::move(account);
}

Ledger::Scope Ledger::Time(const std::string& account) {
  std::string outer = open_;
  Switch(account);
  return Scope(this, std::move(outer));
}

void Ledger::Scope::End() {
  if (ledger_ != nullptr) std::exchange(ledger_, nullptr)->Switch(std::move(outer_));
}

Metrics Ledger::Close() {
  Switch(open_);
  Metrics metrics;
  double sum = 0;
  for (const auto& [account, seconds] : seconds_) {
    metrics.emplace_back("time/" + account, seconds);
    sum += seconds;
  }
  metrics.emplace_back("step_time", sum);
  seconds_.clear();
  return metrics;
}

}  // namespace pith
