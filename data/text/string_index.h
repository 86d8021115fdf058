// A hash table from byte strings to numbers, laid out for one thing: many look-ups of short keys, no deletion.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace pith {

inline uint64_t MixBits(uint64_t x) {  // SplitMix64's finaliser
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

inline uint64_t HashBytes(std::string_view key) {
  uint64_t hash = 0x9E3779B97F4A7C15ull * (key.size() + 1);
  size_t at = 0;
  for (; at + 8 <= key.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, key.data() + at, 8);
    hash = MixBits(hash ^ word);
  }
  uint64_t tail = 0;
  if (at < key.size()) std::memcpy(&tail, key.data() + at, key.size() - at);
  return MixBits(hash ^ tail);
}

// Does not own the keys: their bytes must outlive the index and stay where they are.
class StringIndex {
 public:
  void Reserve(size_t count) {
    size_t capacity = 16;
    while (capacity < count * 2) capacity *= 2;
    slots_.assign(capacity, Slot{});
  }
  // False when the key is there already (its value stays). At most the reserved count may be added.
  bool Add(std::string_view key, int32_t value) {
    Slot& slot = slots_[Place(key)];
    if (slot.value >= 0) return false;
    slot = {key, value};
    return true;
  }
  // −1 when absent.
  int32_t Find(std::string_view key) const { return slots_.empty() ? -1 : slots_[Place(key)].value; }

 private:
  struct Slot {
    std::string_view key;
    int32_t value = -1;
  };
  std::vector<Slot> slots_;

  size_t Place(std::string_view key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = HashBytes(key) & mask;
    while (slots_[at].value >= 0 && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
};

}  // namespace pith
