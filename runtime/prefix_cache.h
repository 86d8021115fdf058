// Which page holds the KV of which prefix. A full page is known by its tokens, the writer of each of them, and the page
// before it (by a number that is never used twice), so a match is exact: the whole prefix has the same tokens and writers.
//
// Pages that no sequence refers to stay parked here until their memory is wanted; the one unused longest goes first.
// Nothing is allocated after construction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/kv_cache.h"

namespace pith {

using WriterId = uint32_t;  // 0: the base. Never reused for another adapter.

struct PageKey {
  uint64_t parent = 0;  // serial() of the page before; 0 for the first page
  std::array<int32_t, KvCache::kPageTokens> tokens{};
  std::array<WriterId, KvCache::kPageTokens> writers{};
  bool operator==(const PageKey&) const = default;
};

class PrefixCache {
 public:
  explicit PrefixCache(int64_t num_pages);

  int32_t Find(const PageKey& key) const;         // −1 when unknown
  void Add(int32_t page, const PageKey& key);     // page unknown, key unknown
  void Remove(int32_t page);                      // known and not parked
  bool Knows(int32_t page) const { return nodes_[page].serial != 0; }
  uint64_t serial(int32_t page) const { return nodes_[page].serial; }

  void Park(int32_t page);      // its last reference went; known
  void Unpark(int32_t page);
  int32_t Evict();              // forgets the page parked longest and hands it over; −1 when none is parked
  int64_t num_parked() const { return num_parked_; }

 private:
  struct Node {
    PageKey key;
    uint64_t serial = 0;        // 0: not known
    int32_t chain = -1;         // next page in the hash bucket
    int32_t newer = -1, older = -1;
    bool parked = false;
  };
  size_t Bucket(const PageKey& key) const;
  std::vector<Node> nodes_;     // by page
  std::vector<int32_t> buckets_;
  int32_t newest_ = -1, oldest_ = -1;
  int64_t num_parked_ = 0;
  uint64_t next_serial_ = 1;
};

}  // namespace pith
