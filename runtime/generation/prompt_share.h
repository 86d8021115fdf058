// How many rows of a step prompts may take, so that running answers do not stall: learned from how long steps took.
#pragma once

#include <cstddef>

namespace pith {

class PromptShare {
 public:
  // See SchedulerOptions. 0: no bound.
  explicit PromptShare(double max_stall) : max_stall_(max_stall) {}

  bool bounded() const { return max_stall_ > 0; }
  // For a step that decodes so many rows.
  size_t Rows(size_t decode_rows) const;
  void Note(size_t decode_rows, size_t prompt_rows, double ms);

 private:
  double max_stall_;
  double plain_ms_ = 0;  // of a step without prompts; 0: none was seen yet
  double row_ms_ = 0;    // what a prompt's row adds
};

}  // namespace pith
