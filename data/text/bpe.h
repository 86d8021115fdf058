// Byte-pair merging inside one word: always the pair of best rank, the leftmost of equals.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "data/text/string_index.h"
#include "data/text/vocabulary.h"

namespace pith {

// Keeps views into `vocabulary`, which must outlive it. Thread-safe.
class Bpe {
 public:
  explicit Bpe(const Vocabulary& vocabulary);
  // The id of `word` where the whole word is one token after merging; −1 otherwise. No allocation.
  int32_t WholeWord(std::string_view word) const;
  // Appends the ids of `word`, whatever it is. O(n log n) in its bytes.
  void Merge(std::string_view word, std::vector<int32_t>& ids) const;
  // A normal token of exactly these bytes; −1 when there is none.
  int32_t Find(std::string_view bytes) const { return words_.Find(bytes); }

 private:
  struct Pair {
    uint64_t key = ~uint64_t{0};
    int32_t rank = 0, merged = 0;
  };
  StringIndex words_;
  std::vector<Pair> pairs_;  // open addressing by (left id, right id)
  std::array<int32_t, 256> byte_ids_;
  bool ignore_merges_, fuse_unknown_;
  int32_t unknown_id_;
  // Does merging the token's own bytes give the token? 0 not tried yet, 1 yes, 2 no. Any thread may fill it in.
  mutable std::unique_ptr<std::atomic<uint8_t>[]> whole_;

  const Pair* FindPair(int32_t left, int32_t right) const;
  void MergeShort(int32_t* ids, int count, std::vector<int32_t>& out) const;
  void MergeLong(std::vector<int32_t> ids, std::vector<int32_t>& out) const;
};

}  // namespace pith
