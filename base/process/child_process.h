// A process that this program feeds, such as a judge: lines to its standard input, lines from its standard output, and its end.
//
// It is started by posix_spawn, so that threads of this program are left alone; it gets no other file of ours, a process group
// of its own (so that what it starts ends with it), and no blocked signal. A write to a process that has gone is an answer, no SIGPIPE.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

namespace pith {

using Deadline = std::chrono::steady_clock::time_point;

class ChildProcess {
 public:
  // Starts command[0], found as a shell finds it. `error_fd`: its standard error; −1: ours. `stopping` ends every wait within a
  // tenth of a second once it is true; it outlives the process. std::runtime_error, saying why, where it cannot be started.
  ChildProcess(const std::vector<std::string>& command, int error_fd, const std::atomic<bool>* stopping);
  // One that nobody reads from: all that it prints goes to `log_fd`. `environment`, as "NAME=value", stands before ours.
  ChildProcess(const std::vector<std::string>& command, const std::vector<std::string>& environment, int log_fd, const std::atomic<bool>* stopping);
  // EndBy(now + kGrace).
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  enum class Result {
    kDone,
    kGone,     // it has ended, or closed what is written to or read from
    kLate,     // the deadline has passed, or `stopping` is set
    kTooLong,  // a line of more than kMaxLineBytes
  };
  static constexpr size_t kMaxLineBytes = 16 << 20;
  static constexpr std::chrono::milliseconds kGrace{2000};

  Result Write(const std::string& text, Deadline deadline);
  Result ReadLine(std::string* line, Deadline deadline);
  // Whether it has ended, as far as one can see; what it has written is kept for ReadLine().
  bool Ended();
  void CloseInput();  // which tells it to end

  // Closes its input, waits so long for its end, and then ends it with all that it has started; how it ended: "exit status 1", "signal 9".
  // Leaves no zombie.
  std::string EndBy(Deadline until);
  // At once. One that ends by itself just now may do so.
  std::string End();

 private:
  void Start(const std::vector<std::string>& command, const std::vector<std::string>& environment, int output_fd, int error_fd);
  bool Fill();  // reads what is there; false at the end
  bool Wait(int fd, short events, Deadline deadline) const;

  const std::atomic<bool>* stopping_;
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1;  // of the process
  std::string buffer_;            // read and not yet given away
  size_t searched_ = 0;           // bytes of it that hold no end of line
  bool at_end_ = false;
  std::string status_;
};

}  // namespace pith
