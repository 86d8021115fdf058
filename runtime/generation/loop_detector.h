// Whether a response goes round in circles: its last tokens are one block, again and again.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace pith {

class LoopDetector {
 public:
  static constexpr int kMaxPeriod = 128;  // tokens of a block
  static constexpr int kMinRepeats = 4;   // of it
  static constexpr int kMinTokens = 64;   // that all of them come to: short blocks have to stand there more often

  void Append(int32_t token);  // kMaxPeriod comparisons
  bool looping() const { return looping_; }

 private:
  std::vector<int32_t> tokens_;
  std::array<int32_t, kMaxPeriod + 1> runs_{};  // [p]: how many tokens up to now equal the one p before them
  bool looping_ = false;
};

}  // namespace pith
