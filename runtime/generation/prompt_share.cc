#include "runtime/generation/prompt_share.h"

#include <algorithm>

namespace pith {

namespace {

constexpr size_t kStepRows = 512;        // rows of one forward pass, prompts and decoding together
constexpr size_t kPromptRows = 256;      // but at least so many for prompts
constexpr size_t kFirstRows = 8;         // before anything was measured
constexpr size_t kFewestRows = 1;        // a prompt comes in at last, though behind thousands of tokens one row may take as long as a plain step
constexpr double kCaution = 0.7;         // of the room: what a row takes grows along a prompt, and machines falter
constexpr double kNew = 0.3;             // weight of the newest step

double Mixed(double old, double now) { return old == 0 ? now : old + kNew * (now - old); }

}  // namespace

size_t PromptShare::Rows(size_t decode_rows) const {
  if (!bounded()) return std::max(kStepRows, decode_rows + kPromptRows) - decode_rows;
  if (decode_rows == 0) return kPromptRows;
  if (plain_ms_ == 0 || row_ms_ == 0) return kFirstRows;
  const double rows = kCaution * (max_stall_ - 1) * plain_ms_ / row_ms_;
  return static_cast<size_t>(std::clamp(rows, static_cast<double>(kFewestRows), static_cast<double>(kPromptRows)));
}

void PromptShare::Note(size_t decode_rows, size_t prompt_rows, double ms) {
  if (!bounded() || decode_rows == 0) return;
  if (prompt_rows == 0) {
    plain_ms_ = Mixed(plain_ms_, ms);
  } else if (plain_ms_ > 0) {
    row_ms_ = Mixed(row_ms_, std::max(ms - plain_ms_, 0.01 * plain_ms_) / static_cast<double>(prompt_rows));
  }
}

}  // namespace pith
