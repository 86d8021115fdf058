#include "runtime/speculation/pass_times.h"

#include <algorithm>

namespace pith {

namespace {
constexpr double kKept = 0.97;         // of the weight of what was seen before
constexpr double kGuessWeight = 4;     // of the guess: as much as that of a pass whose rows are two off the mean
}  // namespace

void PassTimes::Note(int64_t rows, double ms) {
  const auto r = static_cast<double>(rows);
  if (known()) ms = std::min(ms, 2 * Ms(rows));
  const double before = kKept * weight_;
  weight_ = before + 1;
  const double dr = r - rows_, dm = ms - ms_;
  rows_ += dr / weight_;
  ms_ += dm / weight_;
  rows_rows_ = kKept * rows_rows_ + dr * dr * before / weight_;
  rows_ms_ = kKept * rows_ms_ + dr * dm * before / weight_;
}

double PassTimes::Slope() const {
  const double guess = kGuess * ms_ / (1 + kGuess * (rows_ - 1));
  return std::max(0.0, (rows_ms_ + kGuessWeight * guess) / (rows_rows_ + kGuessWeight));
}

double PassTimes::Ms(int64_t rows) const { return std::max(0.1 * ms_, ms_ + Slope() * (static_cast<double>(rows) - rows_)); }

}  // namespace pith
