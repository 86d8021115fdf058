#include "runtime/prefix_cache.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace pith {

PrefixCache::PrefixCache(int64_t num_pages)
    : nodes_(static_cast<size_t>(num_pages)), buckets_(std::bit_ceil(static_cast<size_t>(num_pages)), -1) {}

size_t PrefixCache::Bucket(const PageKey& key) const {
  uint64_t h = key.parent * 0x9e3779b97f4a7c15ull;
  for (size_t i = 0; i < key.tokens.size(); ++i) {
    h ^= static_cast<uint32_t>(key.tokens[i]) | uint64_t{key.writers[i]} << 32;
    h *= 0xbf58476d1ce4e5b9ull;
    h ^= h >> 29;
  }
  return h & (buckets_.size() - 1);
}

int32_t PrefixCache::Find(const PageKey& key) const {
  for (int32_t page = buckets_[Bucket(key)]; page >= 0; page = nodes_[page].chain) {
    if (nodes_[page].key == key) return page;
  }
  return -1;
}

int64_t PrefixCache::FindBeginning(const PageKey& key, int32_t before, int32_t* page) const {
  int64_t longest = 0;
  for (int32_t i = before < 0 ? first_ : nodes_[before].first; i >= 0; i = nodes_[i].right) {
    const Node& node = nodes_[i];
    const int64_t count = std::min(key.count, node.key.count);
    int64_t same = 0;
    while (same < count && node.key.tokens[static_cast<size_t>(same)] == key.tokens[static_cast<size_t>(same)] &&
           node.key.writers[static_cast<size_t>(same)] == key.writers[static_cast<size_t>(same)]) {
      ++same;
    }
    if (same <= longest) continue;
    longest = same;
    *page = i;
  }
  return longest;
}

PrefixCache::Node* PrefixCache::Before(const Node& node) {
  if (node.before < 0 || nodes_[node.before].serial != node.key.parent) return nullptr;
  return &nodes_[node.before];
}

int32_t* PrefixCache::FirstBeside(const Node& node) {
  if (node.key.parent == 0) return &first_;
  Node* before = Before(node);
  return before != nullptr ? &before->first : nullptr;
}

void PrefixCache::Add(int32_t page, const PageKey& key, int32_t before) {
  Node& node = nodes_[page];
  PITH_CHECK(node.serial == 0, "page ", page);
  PITH_CHECK_EQ(before < 0 ? 0 : nodes_[before].serial, key.parent);
  int32_t& head = buckets_[Bucket(key)];
  node.key = key;
  node.serial = next_serial_++;
  node.before = before;
  node.followers = 0;
  node.first = node.left = -1;
  int32_t& first = *FirstBeside(node);
  node.right = first;
  if (first >= 0) nodes_[first].left = page;
  first = page;
  if (before >= 0) ++nodes_[before].followers;
  node.chain = head;
  head = page;
}

void PrefixCache::Remove(int32_t page) {
  Node& node = nodes_[page];
  PITH_CHECK(node.serial != 0 && !node.parked, "page ", page);
  int32_t* link = &buckets_[Bucket(node.key)];
  while (*link != page) link = &nodes_[*link].chain;
  *link = node.chain;
  if (Node* before = Before(node)) --before->followers;
  if (node.right >= 0) nodes_[node.right].left = node.left;
  if (node.left >= 0) {
    nodes_[node.left].right = node.right;
  } else if (int32_t* first = FirstBeside(node)) {
    *first = node.right;
  }
  node.serial = 0;
}

void PrefixCache::Park(int32_t page) {
  Node& node = nodes_[page];
  PITH_CHECK(node.serial != 0 && !node.parked, "page ", page);
  node.parked = true;
  node.newer = -1;
  node.older = newest_;
  (newest_ >= 0 ? nodes_[newest_].newer : oldest_) = page;
  newest_ = page;
  ++num_parked_;
}

void PrefixCache::Unpark(int32_t page) {
  Node& node = nodes_[page];
  PITH_CHECK(node.parked, "page ", page);
  (node.newer >= 0 ? nodes_[node.newer].older : newest_) = node.older;
  (node.older >= 0 ? nodes_[node.older].newer : oldest_) = node.newer;
  node.parked = false;
  --num_parked_;
}

int32_t PrefixCache::Evict() {
  const int32_t page = oldest_;
  if (page < 0) return -1;
  Unpark(page);
  Remove(page);
  return page;
}

bool PrefixCache::IsReachable(const Node& node, const std::function<bool(WriterId)>& is_gone) {
  if (node.key.parent != 0 && Before(node) == nullptr) return false;
  for (size_t i = 0; i < node.key.writers.size(); ++i) {
    const WriterId writer = node.key.writers[i];
    if ((i == 0 || writer != node.key.writers[i - 1]) && is_gone(writer)) return false;
  }
  return true;
}

// From the newest on: a page comes before those that follow it.
void PrefixCache::ForgetUnreachable(const std::function<bool(WriterId)>& is_gone, const std::function<void(int32_t)>& take) {
  for (int32_t page = newest_; page >= 0;) {
    const int32_t older = nodes_[page].older;
    if (!IsReachable(nodes_[page], is_gone)) {
      Unpark(page);
      Remove(page);
      take(page);
    }
    page = older;
  }
}

}  // namespace pith
