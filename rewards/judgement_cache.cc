#include "rewards/judgement_cache.h"

#include "base/error.h"

namespace pith {

JudgementCache::Key JudgementCache::KeyOf(const std::string& identity, bool pure, const Attempt& attempt) {
  Sha256 hash;
  const auto add = [&](std::string_view text) {  // with its length, so that no two lists of texts run together alike
    hash.Update(Str(text.size(), ":"));
    hash.Update(text);
  };
  add(identity);
  add(attempt.gold);
  add(attempt.question);
  add(attempt.response);
  if (!pure) {
    add(attempt.problem);
    add(attempt.kind);
    add(attempt.payload);
    add(Str(attempt.tokens, " ", EndedByName(attempt.ended_by), " ", attempt.forced));
  }
  return hash.Digest();
}

int64_t JudgementCache::BytesOf(const Judgement& judgement) {
  return static_cast<int64_t>(sizeof(Entry) + 64 + judgement.reason.size() + judgement.extracted.size());
}

std::optional<Judgement> JudgementCache::Find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void JudgementCache::Insert(const Key& key, const Judgement& judgement) {
  const std::lock_guard lock(mutex_);
  if (places_.count(key) > 0) return;
  entries_.emplace_front(key, judgement);
  places_[key] = entries_.begin();
  bytes_ += BytesOf(judgement);
  while (bytes_ > max_bytes_ && !entries_.empty()) {
    bytes_ -= BytesOf(entries_.back().second);
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

size_t JudgementCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pith
