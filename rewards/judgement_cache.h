// Judgements by what was judged, the least recently used given up first. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/sha256.h"
#include "rewards/verifier.h"

namespace pith {

class JudgementCache {
 public:
  using Key = Sha256::Bytes;
  // Holds judgements of at most so many bytes together (their texts counted).
  explicit JudgementCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // Of a judgement by the verifier of this identity. A pure one sees gold, question and response alone.
  static Key KeyOf(const std::string& identity, bool pure, const Attempt& attempt);

  std::optional<Judgement> Find(const Key& key);
  void Insert(const Key& key, const Judgement& judgement);
  size_t size() const;

 private:
  struct Hash {
    size_t operator()(const Key& key) const {
      size_t value;
      std::memcpy(&value, key.data(), sizeof value);
      return value;
    }
  };
  using Entry = std::pair<Key, Judgement>;
  static int64_t BytesOf(const Judgement& judgement);

  const int64_t max_bytes_;
  mutable std::mutex mutex_;
  int64_t bytes_ = 0;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<Key, std::list<Entry>::iterator, Hash> places_;
};

}  // namespace pith
