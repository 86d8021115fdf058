// What a pass of n rows takes, learned from passes: a line, a + c·n, by least squares in which older passes count ever less.
#pragma once

#include <cstdint>

namespace pith {

class PassTimes {
 public:
  // A pass of so many rows took so long. One that took more than twice what was expected (the machine had other things to do) counts as twice.
  void Note(int64_t rows, double ms);
  bool known() const { return weight_ > 0; }
  // What to expect. As long as passes of one number of rows alone were seen: by a guess, kGuess of what one row takes for each more.
  double Ms(int64_t rows) const;

  static constexpr double kGuess = 0.2;

 private:
  double Slope() const;

  double weight_ = 0, rows_ = 0, ms_ = 0;     // of the passes; their weighted means
  double rows_rows_ = 0, rows_ms_ = 0;        // sums of products of deviations from the means
};

}  // namespace pith
