// WordPiece, the model of BERT's family: from left to right, the longest piece that a word goes on with.
// (Schuster and Nakajima (2012), "Japanese and Korean voice search"; greedy matching as in Devlin et al. (2019), BERT.)
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "data/text/string_index.h"
#include "data/text/vocabulary.h"

namespace pith {

// Keeps views into `vocabulary`, which must outlive it. Thread-safe.
class WordPiece {
 public:
  explicit WordPiece(const Vocabulary& vocabulary);
  // Appends the ids of `word`; of one that does not come out, or has more than vocabulary.max_word_characters, the unknown id.
  void Encode(std::string_view word, std::vector<int32_t>& ids) const;
  int32_t Find(std::string_view piece) const { return first_.Find(piece); }

 private:
  const Vocabulary& vocabulary_;
  StringIndex first_, later_;  // by the piece; within a word, without its continuation prefix
  size_t longest_ = 0;         // bytes
};

}  // namespace pith
