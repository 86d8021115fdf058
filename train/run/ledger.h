// Where the time of a step went. One account is open at any moment, so the accounts of a step add up to its length.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "train/run/metrics.h"

namespace pith {

class Ledger {
 public:
  Ledger() : since_(Clock::now()) {}

  // Books the time of its life on its account; one inside another pauses the outer one.
  class Scope {
   public:
    Scope(Scope&& other) noexcept : ledger_(other.ledger_), outer_(std::move(other.outer_)) { other.ledger_ = nullptr; }
    Scope& operator=(Scope&&) = delete;
    ~Scope() { End(); }
    void End();  // before its life ends

   private:
    friend class Ledger;
    Scope(Ledger* ledger, std::string outer) : ledger_(ledger), outer_(std::move(outer)) {}
    Ledger* ledger_;
    std::string outer_;
  };
  [[nodiscard]] Scope Time(const std::string& account);

  // Ends the step: {"time/ACCOUNT", seconds} for each account that was used since the last Close(), by name, "time/other"
  // among them, and their sum, {"step_time", seconds}. The next step begins now.
  Metrics Close();

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point since_;
  std::string open_ = "other";
  std::map<std::string, double> seconds_;
  void Switch(std::string account);
};

}  // namespace pith
