#include "data/text/bpe.h"

#include <limits>
#include <queue>

#include "data/text/utf8.h"

namespace pith {
namespace {

constexpr int kShort = 48;  // up to here a plain scan beats a heap
constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary)
    : byte_tokens_(vocabulary.byte_tokens),
      characters_(vocabulary.characters),
      ignore_merges_(vocabulary.ignore_merges),
      fuse_unknown_(vocabulary.fuse_unknown),
      unknown_id_(vocabulary.unknown_id),
      num_tokens_(vocabulary.tokens.size()),
      whole_(new std::atomic<uint8_t>[vocabulary.tokens.size()]()) {
  byte_ids_.fill(-1);
  words_.Reserve(vocabulary.tokens.size());
  const auto reachable = [&](size_t id) {
    return !vocabulary.pieces[id].empty() &&
           (vocabulary.kinds[id] == TokenKind::kNormal || vocabulary.kinds[id] == TokenKind::kUserDefined);
  };
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!reachable(id)) continue;
    const std::string& piece = vocabulary.pieces[id];
    words_.Add(piece, static_cast<int32_t>(id));
    if (piece.size() == 1) byte_ids_[static_cast<uint8_t>(piece[0])] = static_cast<int32_t>(id);
  }
  const auto num_tokens = static_cast<int32_t>(num_tokens_);
  for (size_t i = 0; i < vocabulary.tokenless.size(); ++i) {
    const Vocabulary::Tokenless& missing = vocabulary.tokenless[i];
    if (!characters_ && missing.piece.size() == 1) byte_ids_[static_cast<uint8_t>(missing.piece[0])] = num_tokens + static_cast<int32_t>(i);
    tokenless_.push_back(missing.ids);
  }
  if (characters_) {
    characters_without_.Reserve(vocabulary.tokenless.size());
    for (size_t i = 0; i < vocabulary.tokenless.size(); ++i) characters_without_.Add(vocabulary.tokenless[i].piece, num_tokens + static_cast<int32_t>(i));
  }
  size_t capacity = 16;
  while (capacity < vocabulary.merges.size() * 2) capacity *= 2;
  pairs_.resize(capacity);
  for (size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const auto [left, right] = vocabulary.merges[i];
    // No text may become a control token, whatever the merges say.
    if (vocabulary.merged[i] < num_tokens && vocabulary.kinds[static_cast<size_t>(vocabulary.merged[i])] == TokenKind::kControl) continue;
    const uint64_t key = PairKey(left, right);
    const int32_t rank = vocabulary.ranks.empty() ? static_cast<int32_t>(i) : vocabulary.ranks[i];
    size_t at = MixBits(key) & (capacity - 1);
    while (pairs_[at].key != ~uint64_t{0} && pairs_[at].key != key) at = (at + 1) & (capacity - 1);
    if (pairs_[at].key == key && vocabulary.first_of_equal_merges) continue;
    pairs_[at] = {key, rank, vocabulary.merged[i]};
  }
  if (characters_ && !ignore_merges_ && (tokenless_.empty() || !vocabulary.ranks.empty())) FindNeighbours(vocabulary);
}

void Bpe::FindNeighbours(const Vocabulary& vocabulary) {
  // A merge that takes in a byte token or the unknown token is not seen in the characters of the text.
  for (const auto& [left, right] : vocabulary.merges) {
    for (const int32_t id : {left, right}) {
      if (static_cast<size_t>(id) >= num_tokens_) continue;
      if (id == unknown_id_ || vocabulary.kinds[static_cast<size_t>(id)] == TokenKind::kByte) return;
    }
  }
  for (const std::string& piece : vocabulary.pieces) {
    int32_t previous = -1;
    for (size_t at = 0; at < piece.size();) {
      const CodePoint c = DecodeUtf8(piece, at);
      if (previous >= 0 && previous < 128 && c.value >= 0 && c.value < 128) {
        ascii_neighbours_.set(static_cast<size_t>(previous * 128 + c.value));
      } else if (at > 0) {
        neighbours_.insert(PairKey(previous, c.value));
      }
      previous = c.value;
      at += c.size;
    }
  }
  parts_ = true;
}

bool Bpe::Neighbours(int32_t left, int32_t right) const {
  if (left >= 0 && left < 128 && right >= 0 && right < 128) return ascii_neighbours_[static_cast<size_t>(left * 128 + right)];
  return neighbours_.count(PairKey(left, right)) != 0;
}

void Bpe::Part(std::string_view word, std::vector<std::string_view>& parts) const {
  if (!parts_ || word.size() <= kShort) {
    parts.push_back(word);
    return;
  }
  size_t begin = 0;
  int32_t previous = -1;
  for (size_t at = 0; at < word.size();) {
    const CodePoint c = DecodeUtf8(word, at);
    // A cut between two unknown characters would part what is fused into one unknown token.
    if (at > begin && !Neighbours(previous, c.value) &&
        (c.value >= 0 && c.value < 128 ? byte_ids_[static_cast<size_t>(c.value)] : words_.Find(word.substr(at, c.size))) >= 0) {
      parts.push_back(word.substr(begin, at - begin));
      begin = at;
    }
    previous = c.value;
    at += c.size;
  }
  parts.push_back(word.substr(begin));
}

template <class Emit>
void Bpe::Symbols(std::string_view word, Emit emit) const {
  if (!characters_) {
    bool after_unknown = false;
    for (const char c : word) {
      const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
      if (id >= 0) {
        emit(id);
      } else if (unknown_id_ >= 0 && !(fuse_unknown_ && after_unknown)) {
        emit(unknown_id_);
      }
      after_unknown = id < 0;
    }
    return;
  }
  bool unknown = false;  // one is due, as late as it can be: bytes overtake it, as they do in the peers
  for (size_t at = 0; at < word.size();) {
    const auto byte = static_cast<uint8_t>(word[at]);
    const size_t size = byte < 0x80 ? 1 : DecodeUtf8(word, at).size;
    int32_t id = byte < 0x80 ? byte_ids_[byte] : words_.Find(word.substr(at, size));
    if (id < 0 && !tokenless_.empty()) id = characters_without_.Find(word.substr(at, size));
    if (id >= 0) {
      if (unknown) emit(unknown_id_);
      unknown = false;
      emit(id);
    } else {
      bool bytes = true;
      for (size_t i = at; i < at + size; ++i) bytes = bytes && byte_tokens_[static_cast<uint8_t>(word[i])] >= 0;
      if (bytes) {
        for (size_t i = at; i < at + size; ++i) emit(byte_tokens_[static_cast<uint8_t>(word[i])]);
      } else if (unknown_id_ >= 0) {
        if (unknown && !fuse_unknown_) emit(unknown_id_);
        unknown = true;
      }
    }
    at += size;
  }
  if (unknown) emit(unknown_id_);
}

const Bpe::Pair* Bpe::FindPair(int32_t left, int32_t right) const {
  const uint64_t key = PairKey(left, right);
  const size_t mask = pairs_.size() - 1;
  for (size_t at = MixBits(key) & mask; pairs_[at].key != ~uint64_t{0}; at = (at + 1) & mask) {
    if (pairs_[at].key == key) return &pairs_[at];
  }
  return nullptr;
}

int32_t Bpe::WholeWord(std::string_view word) const {
  const int32_t id = words_.Find(word);
  if (id < 0 || ignore_merges_) return id;
  const uint8_t known = whole_[id].load(std::memory_order_relaxed);
  if (known != 0) return known == 1 ? id : -1;
  std::vector<int32_t> ids;
  Merge(word, ids);
  const bool whole = ids.size() == 1 && ids[0] == id;
  whole_[id].store(whole ? 1 : 2, std::memory_order_relaxed);
  return whole ? id : -1;
}

void Bpe::Spell(size_t from, std::vector<int32_t>& ids) const {
  const std::vector<int32_t> merged(ids.begin() + static_cast<std::ptrdiff_t>(from), ids.end());
  ids.resize(from);
  const auto put = [&](int32_t id) {
    const bool again = fuse_unknown_ && id == unknown_id_ && ids.size() > from && ids.back() == id;
    if (!again) ids.push_back(id);
  };
  for (const int32_t id : merged) {
    if (static_cast<size_t>(id) < num_tokens_) {
      put(id);
    } else {
      for (const int32_t spelt : tokenless_[static_cast<size_t>(id) - num_tokens_]) put(spelt);
    }
  }
}

void Bpe::Merge(std::string_view word, std::vector<int32_t>& ids) const {
  const size_t from = ids.size();
  if (word.size() <= kShort) {  // at most one symbol for a byte
    int32_t few[kShort];
    int count = 0;
    Symbols(word, [&](int32_t id) { few[count++] = id; });
    MergeShort(few, count, ids);
  } else {
    std::vector<int32_t> many;
    many.reserve(word.size());
    Symbols(word, [&](int32_t id) { many.push_back(id); });
    MergeLong(std::move(many), ids);
  }
  if (!tokenless_.empty()) Spell(from, ids);
}

void Bpe::MergeShort(int32_t* ids, int count, std::vector<int32_t>& out) const {
  const Pair* pairs[kShort];  // pairs[i] joins i and i + 1
  for (int i = 0; i + 1 < count; ++i) pairs[i] = FindPair(ids[i], ids[i + 1]);
  while (count > 1) {
    int best = -1;
    int32_t rank = kNoRank;
    for (int i = 0; i + 1 < count; ++i) {
      if (pairs[i] != nullptr && pairs[i]->rank < rank) {
        rank = pairs[i]->rank;
        best = i;
      }
    }
    if (best < 0) break;
    ids[best] = pairs[best]->merged;
    for (int i = best + 1; i + 1 < count; ++i) {
      ids[i] = ids[i + 1];
      pairs[i] = i + 2 < count ? pairs[i + 1] : nullptr;
    }
    --count;
    if (best > 0) pairs[best - 1] = FindPair(ids[best - 1], ids[best]);
    if (best + 1 < count) pairs[best] = FindPair(ids[best], ids[best + 1]);
  }
  out.insert(out.end(), ids, ids + count);
}

void Bpe::MergeLong(std::vector<int32_t> ids, std::vector<int32_t>& out) const {
  struct Candidate {
    int32_t rank;
    int64_t at;
    int32_t left, right;  // as they were: a candidate whose tokens changed is stale
    int32_t merged;
    bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  const auto count = static_cast<int64_t>(ids.size());
  std::vector<int64_t> next(ids.size()), previous(ids.size());
  std::priority_queue<Candidate> queue;
  const auto offer = [&](int64_t left, int64_t right) {
    if (left < 0 || right >= count) return;
    if (const Pair* pair = FindPair(ids[left], ids[right])) {
      queue.push({pair->rank, left, ids[left], ids[right], pair->merged});
    }
  };
  for (int64_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;
    offer(i, i + 1);
  }
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const int64_t left = best.at, right = ids[left] < 0 ? count : next[left];
    if (right >= count || ids[left] != best.left || ids[right] != best.right) continue;
    ids[left] = best.merged;
    ids[right] = -1;
    next[left] = next[right];
    if (next[left] < count) previous[next[left]] = left;
    offer(previous[left], left);
    offer(left, next[left]);
  }
  for (const int32_t id : ids) {
    if (id >= 0) out.push_back(id);
  }
}

}  // namespace pith
