#include "train/run/metrics_feed.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/process/child_process.h"

namespace pith {
namespace {

using FeedClock = std::chrono::steady_clock;

}  // namespace

MetricsFeed::MetricsFeed(const std::vector<std::string>& command, const std::vector<std::string>& environment, const std::string& log,
                         std::chrono::milliseconds time_to_end)
    : log_(log), time_to_end_(time_to_end) {
  log_fd_ = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd_ < 0) {
    LogWarning(Str("log.command: '", log, "' cannot be written, so it was not started; the run goes on without it"));
    return;
  }
  try {
    process_ = std::make_unique<ChildProcess>(command, environment, log_fd_, &stopping_);
  } catch (const std::exception& error) {
    LogWarning(Str("log.command: ", error.what(), "; the run goes on without it"));
    return;
  }
  writer_ = std::thread([this] { Work(); });
}

MetricsFeed::~MetricsFeed() {
  if (writer_.joinable()) {
    const FeedClock::time_point until = FeedClock::now() + time_to_end_;
    bool whole = true;
    {
      std::unique_lock lock(mutex_);
      closed_ = true;
      changed_.notify_all();
      whole = changed_.wait_until(lock, until, [this] { return waiting_.empty(); });
    }
    stopping_ = !whole;  // which ends a write that hangs
    writer_.join();
    if (!gone_) ended_ = process_->EndBy(until);
    SayEnd();
    const size_t lost = waiting_.size();
    if (!gone_ && lost > 0) LogWarning(Str("log.command was still behind when the run ended: ", lost, " lines of metrics were not sent"));
  }
  if (log_fd_ >= 0) close(log_fd_);
}

void MetricsFeed::SayEnd() {
  const std::string ended = std::exchange(ended_, "");
  if (!ended.empty() && ended != "exit status 0") LogWarning(Str("log.command ended with ", ended, " (its words are in ", log_, ")"));
}

void MetricsFeed::Send(const std::string& line) {
  if (!writer_.joinable()) return;
  const std::lock_guard lock(mutex_);
  if (gone_) {
    if (!said_gone_) LogWarning(Str("log.command reads no more (", std::exchange(ended_, ""), "; its words are in ", log_, "); the run goes on without it"));
    said_gone_ = true;
    return;
  }
  if (waiting_.size() >= kMaxWaiting) {
    if (!said_slow_) LogWarning(Str("log.command is ", kMaxWaiting, " lines of metrics behind; it is not sent the lines from here on until it has read some"));
    said_slow_ = true;
    return;
  }
  waiting_.push_back(line);
  changed_.notify_all();
}

void MetricsFeed::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::string line = waiting_.front() + "\n";
    lock.unlock();
    const ChildProcess::Result result = process_->Write(line, FeedClock::now() + std::chrono::hours(24 * 365));
    const std::string ended = result == ChildProcess::Result::kGone ? process_->End() : "";
    lock.lock();
    if (result == ChildProcess::Result::kLate) return;  // the run is over
    if (result == ChildProcess::Result::kGone) {
      gone_ = true;
      ended_ = ended;
      waiting_.clear();
      changed_.notify_all();
      return;
    }
    waiting_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace pith
