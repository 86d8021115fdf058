// Which page holds the KV of which prefix. A page is known by its tokens, the writer of each of them, and the page before it
// (by a number that is never used twice), so a match is exact: the whole prefix has the same tokens and writers. Full pages are
// known, and the last ones of sequences that went.
//
// Pages that no sequence refers to stay parked here until their memory is wanted; the one unused longest goes first. Sequences
// drop their pages from the back, so a page is always parked after the pages that follow it, and goes after them.
// Nothing is allocated after construction.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/kv_cache.h"
#include "runtime/writers.h"

namespace pith {

struct PageKey {
  uint64_t parent = 0;  // serial() of the page before; 0 for the first page
  int64_t count = KvCache::kPageTokens;  // fewer in the last page of a sequence that went; what is past them does not count
  std::array<int32_t, KvCache::kPageTokens> tokens{};
  std::array<WriterId, KvCache::kPageTokens> writers{};
  bool operator==(const PageKey&) const = default;
};

class PrefixCache {
 public:
  explicit PrefixCache(int64_t num_pages);

  int32_t Find(const PageKey& key) const;         // −1 when unknown
  // Of the pages that follow `before` (as in Add) the one whose first tokens and writers agree with key's the longest, and how long; 0 when none
  // does. Looks at these pages alone.
  int64_t FindBeginning(const PageKey& key, int32_t before, int32_t* page) const;
  // page unknown, key unknown; `before` is the page whose serial() is key.parent, −1 where that is 0
  void Add(int32_t page, const PageKey& key, int32_t before);
  void Remove(int32_t page);                      // known and not parked
  bool Knows(int32_t page) const { return nodes_[page].serial != 0; }
  bool IsFollowed(int32_t page) const { return nodes_[page].followers > 0; }  // by another known page
  uint64_t serial(int32_t page) const { return nodes_[page].serial; }

  void Park(int32_t page);      // its last reference went; known
  void Unpark(int32_t page);
  int32_t Evict();              // forgets the page parked longest and hands it over; −1 when none is parked
  // Forgets the parked pages that no key can find any more, as a writer of theirs is gone or a page before them was forgotten, and
  // hands each of them over.
  void ForgetUnreachable(const std::function<bool(WriterId)>& is_gone, const std::function<void(int32_t)>& take);
  int64_t num_parked() const { return num_parked_; }

 private:
  struct Node {
    PageKey key;
    uint64_t serial = 0;        // 0: not known
    int32_t before = -1;        // the page whose serial was key.parent
    int32_t followers = 0;      // known pages whose key.parent is `serial`
    int32_t chain = -1;         // next page in the hash bucket
    int32_t first = -1;         // of its followers; each is linked to those beside it
    int32_t left = -1, right = -1;
    int32_t newer = -1, older = -1;
    bool parked = false;
  };
  size_t Bucket(const PageKey& key) const;
  Node* Before(const Node& node);  // nullptr for a first page, and where it was forgotten
  int32_t* FirstBeside(const Node& node);  // where the pages beside it begin; nullptr where the page before them was forgotten
  bool IsReachable(const Node& node, const std::function<bool(WriterId)>& is_gone);
  std::vector<Node> nodes_;     // by page
  std::vector<int32_t> buckets_;
  int32_t first_ = -1;          // of the pages that begin a text
  int32_t newest_ = -1, oldest_ = -1;
  int64_t num_parked_ = 0;
  uint64_t next_serial_ = 1;
};

}  // namespace pith
