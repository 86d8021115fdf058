// Judging an answer is bounded by counted work, never by a clock or a signal: the same pair ends the same way everywhere.
#pragma once

#include <cstdint>

namespace pith {

// One unit is about one small operation (a token read, an addition of short numbers). Long numbers cost by their length.
class Work {
 public:
  explicit Work(int64_t units = 400000) : left_(units) {}

  // False once the budget is spent; from then on for good.
  bool Spend(int64_t units = 1) {
    left_ -= units;
    return left_ >= 0;
  }
  void GiveUp() { left_ = -1; }  // a number would grow past every bound
  bool exhausted() const { return left_ < 0; }

 private:
  int64_t left_;
};

}  // namespace pith
