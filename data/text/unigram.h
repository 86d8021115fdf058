// The unigram model of sentencepiece: of all ways to cut a text into pieces, the one whose scores have the highest sum.
// Viterbi's algorithm, as Kudo (2018), "Subword Regularization", section 3.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/text/string_index.h"
#include "data/text/vocabulary.h"

namespace pith {

// Keeps views into `vocabulary`, which must outlive it. Thread-safe.
class Unigram {
 public:
  explicit Unigram(const Vocabulary& vocabulary);
  // Appends the ids of `text`. O(bytes × longest piece).
  void Encode(std::string_view text, std::vector<int32_t>& ids) const;
  int32_t Find(std::string_view piece) const;

 private:
  struct Node {
    int32_t id = -1;         // the piece that ends here
    int32_t children = 0;    // index of the first, in order of their bytes
    int32_t num_children = 0;
    uint8_t byte = 0;
  };
  const Vocabulary& vocabulary_;
  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_;  // by first byte; −1: none
  std::vector<double> scores_;
  double unknown_score_ = 0;

  int32_t Child(int32_t node, uint8_t byte) const;
};

}  // namespace pith
