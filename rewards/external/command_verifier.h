// A judge that is a program of the user's: processes that stay, each judging one attempt at a time (rewards/external/wire.h, a line
// there and a line back).
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "base/process/child_process.h"
#include "rewards/verifier.h"

namespace pith {

// A process that ends, takes longer than timeout_seconds, or answers what is no answer to the attempt it was given is ended and started
// anew for the next attempt; that attempt is an error. After kMaxDeaths such in a row a process is given up. A second answer to
// one attempt is left out, with a warning.
class CommandVerifier : public Verifier {
 public:
  static constexpr int kMaxDeaths = 10;

  CommandVerifier(const VerifierSettings& settings, bool pay_unsimplified, const std::string& log);
  ~CommandVerifier() override;
  std::vector<Judgement> Judge(std::span<const Attempt> attempts) override;
  std::string Identity() const override;
  void Stop() override { stopping_ = true; }

 private:
  struct Worker {
    std::unique_ptr<ChildProcess> process;
    int64_t last_id = 0;  // of the process; ids count from 1 in each
    int deaths = 0;       // in a row
  };
  Worker* Take();  // null: all are given up
  void Return(Worker* worker);
  Judgement JudgeBy(Worker* worker, const Attempt& attempt);
  Judgement Lost(Worker* worker, const std::string& what);
  int ErrorFd();

  const VerifierSettings settings_;
  const bool pay_unsimplified_;
  const std::string log_;
  std::atomic<bool> stopping_ = false, warned_ = false;

  std::mutex mutex_;  // of what follows
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> free_;
  size_t given_up_ = 0;
  std::string last_reason_;
  int log_fd_ = -1;
};

}  // namespace pith
