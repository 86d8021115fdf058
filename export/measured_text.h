// The text that two models are compared on, cut as llama.cpp's llama-perplexity cuts it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/model/base_model.h"

namespace pith {

// Windows that know nothing of each other. Of each, the first half is context; what the second half's tokens are followed by is counted.
struct MeasuredText {
  std::string name;          // as people called it
  int64_t window = 0;        // tokens
  int64_t num_windows = 0;   // that are looked at
  int64_t num_in_text = 0;   // that the text has
  std::vector<int32_t> ids;  // num_windows × window

  std::span<const int32_t> Window(int64_t i) const { return std::span(ids).subspan(static_cast<size_t>(i * window), static_cast<size_t>(window)); }
  int64_t first() const { return window / 2; }  // place in a window from which predictions count; the last has none
  int64_t counted_per_window() const { return window - 1 - first(); }
};

inline constexpr int64_t kMeasureWindow = 512;         // llama-perplexity's, unless the model's context is shorter
inline constexpr int64_t kMeasureTokens = 16 * kMeasureWindow;

// `name`: a published data set (data/published.h; its test part, each problem as question and solution), a .jsonl of problems, or any other text file. Its
// first windows, so many as `max_tokens` hold (0: all), in the tokens of `base`; each begins with BOS, in place of its first token, where texts of the
// model do. UserError where there is no such text, or not one window of it.
MeasuredText ReadMeasuredText(const BaseModel& base, const std::string& name, int64_t max_tokens);

}  // namespace pith
