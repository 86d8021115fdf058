#include "rewards/external/command_verifier.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "rewards/external/wire.h"

namespace pith {

CommandVerifier::CommandVerifier(const VerifierSettings& settings, bool pay_unsimplified, const std::string& log)
    : settings_(settings), pay_unsimplified_(pay_unsimplified), log_(log) {
  for (int i = 0; i < settings.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    free_.push_back(workers_.back().get());
  }
}

CommandVerifier::~CommandVerifier() {
  for (const auto& worker : workers_) {  // all hear it first, so that they end side by side
    if (worker->process) worker->process->CloseInput();
  }
  const auto until = std::chrono::steady_clock::now() + (stopping_ ? std::chrono::milliseconds(0) : ChildProcess::kGrace);
  for (const auto& worker : workers_) {
    if (worker->process) worker->process->EndBy(until);
  }
  workers_.clear();
  if (log_fd_ >= 0) close(log_fd_);
}

std::string CommandVerifier::Identity() const {
  std::string text = pay_unsimplified_ ? "command any" : "command finished";
  for (const std::string& word : settings_.command) text += Str(" ", word.size(), ":", word);
  return text;
}

int CommandVerifier::ErrorFd() {
  if (log_.empty()) return -1;
  const std::lock_guard lock(mutex_);
  if (log_fd_ < 0) log_fd_ = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (log_fd_ < 0) throw std::runtime_error(Str("'", log_, "' cannot be written (", std::strerror(errno), ")"));
  return log_fd_;
}

CommandVerifier::Worker* CommandVerifier::Take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !free_.empty() || given_up_ == workers_.size(); });
  if (free_.empty()) return nullptr;
  Worker* worker = free_.back();
  free_.pop_back();
  return worker;
}

void CommandVerifier::Return(Worker* worker) {
  {
    const std::lock_guard lock(mutex_);
    if (worker->deaths >= kMaxDeaths) ++given_up_;
    else free_.push_back(worker);
  }
  returned_.notify_all();
}

// The worker's process is out of step, or gone.
Judgement CommandVerifier::Lost(Worker* worker, const std::string& what) {
  if (worker->process) worker->process->End();
  worker->process.reset();
  ++worker->deaths;
  const std::string reason = log_.empty() ? what : what + "; its standard error is in " + log_;
  const std::lock_guard lock(mutex_);
  last_reason_ = reason;
  return {Verdict::kError, 0, reason, ""};
}

Judgement CommandVerifier::JudgeBy(Worker* worker, const Attempt& attempt) {
  if (stopping_) return {Verdict::kError, 0, "judging was broken off", ""};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                               std::chrono::duration<double>(settings_.timeout_seconds));
  if (worker->process && worker->process->Ended()) {  // between two attempts: the next one is not to blame
    worker->process.reset();
    ++worker->deaths;
  }
  if (!worker->process) {
    try {
      worker->process = std::make_unique<ChildProcess>(settings_.command, ErrorFd(), &stopping_);
      worker->last_id = 0;
    } catch (const std::exception& error) {
      return Lost(worker, Str("the judge ", error.what()));
    }
  }
  const int64_t id = ++worker->last_id;
  ChildProcess& process = *worker->process;
  using Result = ChildProcess::Result;
  std::string line;
  Result result = process.Write(AttemptJson(id, attempt) + "\n", deadline);
  while (result == Result::kDone && (result = process.ReadLine(&line, deadline)) == Result::kDone) {
    const Reply reply = ParseReply(line, pay_unsimplified_);
    if (reply.id == id) {
      worker->deaths = 0;
      return reply.judgement;
    }
    if (reply.id && *reply.id > 0 && *reply.id < id) {
      if (!warned_.exchange(true)) LogWarning(Str("the judge answered an attempt twice (id ", *reply.id, "); the first answer counts"));
      continue;
    }
    return Lost(worker, reply.id ? Str("the judge answered id ", *reply.id, " when it was asked ", id) : reply.judgement.reason);
  }
  if (stopping_) return {Verdict::kError, 0, "judging was broken off", ""};
  if (result == Result::kLate) return Lost(worker, Str("the judge gave no answer within ", settings_.timeout_seconds, " s, and was ended"));
  if (result == Result::kTooLong) return Lost(worker, Str("the judge wrote a line of more than ", ChildProcess::kMaxLineBytes, " bytes, and was ended"));
  return Lost(worker, Str("the judge ended without an answer (", process.End(), ")"));
}

std::vector<Judgement> CommandVerifier::Judge(std::span<const Attempt> attempts) {
  std::vector<Judgement> out(attempts.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i; (i = next++) < attempts.size();) {
      Worker* worker = Take();
      if (worker == nullptr) {
        const std::lock_guard lock(mutex_);
        out[i] = {Verdict::kError, 0, Str("the judge was given up after failing ", kMaxDeaths, " times in a row: ", last_reason_), ""};
        continue;
      }
      try {
        out[i] = JudgeBy(worker, attempts[i]);
      } catch (const std::exception& error) {
        out[i] = Lost(worker, error.what());
      }
      Return(worker);
    }
  };
  std::vector<std::thread> threads;
  try {
    while (threads.size() + 1 < std::min(attempts.size(), workers_.size())) threads.emplace_back(work);
  } catch (const std::system_error&) {  // fewer will do
  }
  work();
  for (std::thread& thread : threads) thread.join();
  return out;
}

}  // namespace pith
