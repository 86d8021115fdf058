// A progress bar with the time to go, on stderr: redrawn in place on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pith {

class ProgressBar {
 public:
  ProgressBar(std::string title, int64_t total);
  ~ProgressBar();                                       // ends the line
  void Update(int64_t done, const std::string& note = "");
  // Prints a full line of text above the bar.
  void Print(const std::string& line);

 private:
  std::string title_, note_;
  int64_t total_ = 0, done_ = 0;
  std::chrono::steady_clock::time_point start_, last_draw_;
  bool drawn_ = false;
  void Draw();
  void Erase();
};

std::string FormatDuration(double seconds);  // "3 m 07 s"

}  // namespace pith
