#include "base/process/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/error.h"

extern char** environ;

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Holds back the SIGPIPE of this thread's writes, and takes away one that came of them.
class NoSigPipe {
 public:
  NoSigPipe() {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigPipe() {
    const timespec none = {0, 0};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &none) == -1 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

struct Pipe {
  int ends[2] = {-1, -1};  // read, write
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(Str("no pipe could be made (", std::strerror(errno), ")"));
  }
  ~Pipe() {
    for (int end : ends) {
      if (end >= 0) close(end);
    }
  }
  int Take(int end) { return std::exchange(ends[end], -1); }
};

// Where this program runs without standard streams a pipe may have got their numbers, and what is put over it would be lost.
void MoveBehindStandardStreams(int* end) {
  if (*end > 2) return;
  const int moved = fcntl(*end, F_DUPFD_CLOEXEC, 3);
  if (moved < 0) throw std::runtime_error(Str("no pipe could be made (", std::strerror(errno), ")"));
  close(std::exchange(*end, moved));
}

// For a function that takes arguments or an environment, and changes neither.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  return pointers;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, int error_fd, const std::atomic<bool>* stopping) : stopping_(stopping) {
  Pipe out;
  MoveBehindStandardStreams(&out.ends[1]);
  Start(command, {}, out.ends[1], error_fd);
  output_ = out.Take(0);
  fcntl(output_, F_SETFL, fcntl(output_, F_GETFL) | O_NONBLOCK);
}

ChildProcess::ChildProcess(const std::vector<std::string>& command, const std::vector<std::string>& environment, int log_fd,
                           const std::atomic<bool>* stopping)
    : stopping_(stopping), at_end_(true) {
  Start(command, environment, log_fd, log_fd);
}

void ChildProcess::Start(const std::vector<std::string>& command, const std::vector<std::string>& environment, int output_fd, int error_fd) {
  Pipe in;
  MoveBehindStandardStreams(&in.ends[0]);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, in.ends[0], 0);
  posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
  if (error_fd >= 0) posix_spawn_file_actions_adddup2(&actions, error_fd, 2);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments = Pointers(command), variables = Pointers(environment);
  arguments.push_back(nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  variables.push_back(nullptr);
  const int error = posix_spawnp(&pid_, arguments[0], &actions, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    pid_ = -1;
    throw std::runtime_error(Str("'", command[0], "' cannot be started (", std::strerror(error), ")"));
  }
  input_ = in.Take(1);
  fcntl(input_, F_SETFL, fcntl(input_, F_GETFL) | O_NONBLOCK);
}

ChildProcess::~ChildProcess() {
  EndBy(Clock::now() + kGrace);
  if (output_ >= 0) close(output_);
}

void ChildProcess::CloseInput() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

// False at the deadline.
bool ChildProcess::Wait(int fd, short events, Deadline deadline) const {
  while (!stopping_->load()) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    if (left < 0) return false;
    pollfd poll_fd = {fd, events, 0};
    if (poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left + 1, 100))) > 0) return true;
  }
  return false;
}

ChildProcess::Result ChildProcess::Write(const std::string& text, Deadline deadline) {
  const NoSigPipe quiet;
  for (size_t done = 0; done < text.size();) {
    if (input_ < 0) return Result::kGone;
    const ssize_t n = write(input_, text.data() + done, text.size() - done);
    if (n >= 0) {
      done += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      if (!Wait(input_, POLLOUT, deadline)) return Result::kLate;
    } else if (errno != EINTR) {
      return Result::kGone;
    }
  }
  return Result::kDone;
}

bool ChildProcess::Fill() {
  char bytes[65536];
  while (!at_end_ && buffer_.size() <= kMaxLineBytes) {
    const ssize_t n = read(output_, bytes, sizeof bytes);
    if (n > 0) {
      buffer_.append(bytes, static_cast<size_t>(n));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      at_end_ = true;
    } else if (errno == EAGAIN) {
      break;
    }
  }
  return !at_end_;
}

ChildProcess::Result ChildProcess::ReadLine(std::string* line, Deadline deadline) {
  while (true) {
    if (const size_t end = buffer_.find('\n', searched_); end != std::string::npos) {
      *line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      searched_ = 0;
      return Result::kDone;
    }
    searched_ = buffer_.size();
    if (buffer_.size() > kMaxLineBytes) return Result::kTooLong;
    if (at_end_) return Result::kGone;
    if (!Wait(output_, POLLIN, deadline)) return Result::kLate;
    Fill();
  }
}

bool ChildProcess::Ended() { return !Fill() && buffer_.find('\n') == std::string::npos; }

std::string ChildProcess::EndBy(Deadline until) {
  CloseInput();
  if (pid_ < 0) return status_;
  // Not waited for yet, a process that has ended keeps its number, so that the signal reaches its own group and no other.
  siginfo_t info;
  while (true) {
    info.si_pid = 0;
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) != 0 && errno != EINTR) break;
    if (info.si_pid == pid_ || Clock::now() >= until) break;
    std::this_thread::sleep_for(milliseconds(2));
  }
  kill(-pid_, SIGKILL);
  int status = 0;
  pid_t reaped;
  while ((reaped = waitpid(pid_, &status, 0)) == -1 && errno == EINTR) {
  }
  if (reaped == pid_) status_ = WIFEXITED(status) ? Str("exit status ", WEXITSTATUS(status)) : Str("signal ", WTERMSIG(status));
  pid_ = -1;
  return status_;
}

std::string ChildProcess::End() { return EndBy(Clock::now() + (at_end_ ? milliseconds(200) : milliseconds(0))); }

}  // namespace pith
