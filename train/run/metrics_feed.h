// log.command: a process of the user's that is told each line of metrics as it is written, for W&B, MLflow or whatever else.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pith {

class ChildProcess;

// A thread of its own writes to the process, so that nothing which the process does can hold up a step: one that reads slowly finds
// its lines waiting, up to kMaxWaiting of them, beyond which new ones are left out; one that has ended gets no more. Either is
// said once, as a warning. All that it prints is appended to `log`.
class MetricsFeed {
 public:
  static constexpr size_t kMaxWaiting = 10'000;          // lines
  static constexpr std::chrono::seconds kTimeToEnd{30};  // for what is waiting at the end, and for the process to end by itself

  // Starts command[0], found as a shell finds it; one that cannot be started is a warning. `environment`: "NAME=value", beside ours.
  MetricsFeed(const std::vector<std::string>& command, const std::vector<std::string>& environment, const std::string& log,
              std::chrono::milliseconds time_to_end = kTimeToEnd);
  // Closes its input behind the last line and waits for its end, time_to_end at most; then it is ended with all that it started.
  ~MetricsFeed();
  MetricsFeed(const MetricsFeed&) = delete;
  MetricsFeed& operator=(const MetricsFeed&) = delete;

  // A line without its newline. Returns at once.
  void Send(const std::string& line);

 private:
  void Work();
  void SayEnd();

  const std::string log_;
  const std::chrono::milliseconds time_to_end_;
  int log_fd_ = -1;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<ChildProcess> process_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  bool closed_ = false;  // no more will come
  bool gone_ = false;    // the process has ended before its time, as `ended_` says
  std::string ended_;
  bool said_gone_ = false, said_slow_ = false;
  std::thread writer_;
};

}  // namespace pith
