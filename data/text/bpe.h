// Byte-pair merging inside one word: always the pair of best rank, the leftmost of equals.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_set>
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
  // A piece of exactly these bytes; −1 when there is none.
  int32_t Find(std::string_view bytes) const { return words_.Find(bytes); }
  // Appends the parts of `word` between characters that stand side by side in no piece: no merge reaches over them, so
  // merging the parts gives what merging the word gives. The word itself where that is not so sure, or not worth it.
  void Part(std::string_view word, std::vector<std::string_view>& parts) const;

 private:
  struct Pair {
    uint64_t key = ~uint64_t{0};
    int32_t rank = 0, merged = 0;
  };
  StringIndex words_, characters_without_;  // the latter among tokenless_
  std::vector<Pair> pairs_;  // open addressing by (left id, right id)
  std::array<int32_t, 256> byte_ids_;  // of bytes, or of ASCII characters
  std::array<int32_t, 256> byte_tokens_;
  bool characters_, ignore_merges_, fuse_unknown_, parts_ = false;
  int32_t unknown_id_;
  size_t num_tokens_;
  std::bitset<128 * 128> ascii_neighbours_;
  std::unordered_set<uint64_t> neighbours_;
  std::vector<std::vector<int32_t>> tokenless_;  // what ids from the vocabulary's size on become
  // Does merging the token's own bytes give the token? 0 not tried yet, 1 yes, 2 no. Any thread may fill it in.
  mutable std::unique_ptr<std::atomic<uint8_t>[]> whole_;

  const Pair* FindPair(int32_t left, int32_t right) const;
  template <class Emit>
  void Symbols(std::string_view word, Emit emit) const;
  void FindNeighbours(const Vocabulary& vocabulary);
  bool Neighbours(int32_t left, int32_t right) const;
  void Spell(size_t from, std::vector<int32_t>& ids) const;
  void MergeShort(int32_t* ids, int count, std::vector<int32_t>& out) const;
  void MergeLong(std::vector<int32_t> ids, std::vector<int32_t>& out) const;
};

}  // namespace pith
