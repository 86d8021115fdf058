#include "rewards/measures.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace pith {

double Repetition(std::span<const int32_t> ids, int64_t n) {
  PITH_CHECK(n > 0, n);
  const int64_t total = static_cast<int64_t>(ids.size()) - n + 1;
  if (total < 1) return 0.0;
  std::vector<std::span<const int32_t>> grams;
  for (int64_t i = 0; i < total; ++i) grams.push_back(ids.subspan(static_cast<size_t>(i), static_cast<size_t>(n)));
  std::sort(grams.begin(), grams.end(), [](auto a, auto b) { return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end()); });
  const auto last = std::unique(grams.begin(), grams.end(), [](auto a, auto b) { return std::equal(a.begin(), a.end(), b.begin()); });
  return 1.0 - static_cast<double>(last - grams.begin()) / static_cast<double>(total);
}

int64_t CloseEnd(std::string_view text) {
  constexpr std::string_view kThink = "</think>", kMark = "####";
  if (const size_t at = text.find(kThink); at != std::string_view::npos) return static_cast<int64_t>(at + kThink.size());
  size_t at = 0;
  while ((at = text.find(kMark, at)) != std::string_view::npos) {
    const size_t line_end = std::min(text.find('\n', at), text.size());
    at += kMark.size();
    if (text.substr(at, line_end - at).find_first_not_of(" \t\r#") != std::string_view::npos) return static_cast<int64_t>(line_end);
  }
  return -1;
}

int64_t TokensAfter(int64_t close_end, int64_t num_tokens, const std::function<int64_t(int64_t k)>& decoded_bytes) {
  if (close_end < 0) return 0;
  int64_t low = 0, high = num_tokens;  // the least k whose text reaches close_end
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (decoded_bytes(middle) >= close_end) high = middle;
    else low = middle + 1;
  }
  return num_tokens - low;
}

}  // namespace pith
