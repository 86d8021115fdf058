#include "runtime/sequences.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace pith {

namespace {
constexpr int64_t kPage = KvCache::kPageTokens;
}  // namespace

Sequences::Sequences(KvCache* cache, bool share_prefixes)
    : cache_(cache), share_prefixes_(share_prefixes), prefixes_(cache->num_pages()) {}

const Sequence& Sequences::Get(int32_t id) const {
  PITH_CHECK(id >= 0 && static_cast<size_t>(id) < sequences_.size() && sequences_[id].live, "sequence ", id);
  return sequences_[id];
}

Sequence& Sequences::Get(int32_t id) { return const_cast<Sequence&>(std::as_const(*this).Get(id)); }

int32_t Sequences::New() {
  int32_t id;
  if (unused_.empty()) {
    MakeRoom(unused_, sequences_.size() + 1);  // Free() never fails
    id = static_cast<int32_t>(sequences_.size());
    sequences_.emplace_back();
  } else {
    id = unused_.back();
    unused_.pop_back();
  }
  sequences_[id].live = true;
  return id;
}

int32_t Sequences::Fork(int32_t from) {
  Get(from);
  const int32_t id = New();  // may move the sequences
  const Sequence& source = Get(from);
  Sequence& s = sequences_[id];
  try {
    s.pages.reserve(source.pages.size());
    s.tokens.reserve(source.tokens.size());
    s.runs.reserve(source.runs.size());
  } catch (...) {
    Free(id);
    throw;
  }
  s.pages = source.pages;
  s.tokens = source.tokens;
  s.runs = source.runs;
  s.adapter = source.adapter;
  s.writer = source.writer;
  s.num_sure = source.num_sure;
  for (int32_t page : s.pages) cache_->Share(page);
  return id;
}

void Sequences::Free(int32_t id) {
  Sequence& s = Get(id);
  const int64_t known = std::exchange(s.num_sure, s.length());  // what is left was no draft, or was kept
  RegisterFullPages(s, known);
  RegisterLastPage(s);
  Truncate(id, 0);
  s.adapter = nullptr;
  s.writer = 0;
  s.live = false;
  unused_.push_back(id);
}

void Sequences::Truncate(int32_t id, int64_t length) {
  Sequence& s = Get(id);
  PITH_CHECK(length >= 0 && length <= s.length(), "length ", length, " of ", s.length());
  s.tokens.resize(static_cast<size_t>(length));
  s.num_sure = std::min(s.num_sure, length);
  s.hit_tokens = std::min(s.hit_tokens, length);
  if (length == 0) s.miss_tokens = 0;
  while (!s.runs.empty() && s.runs.back().begin >= length) s.runs.pop_back();
  if (!s.runs.empty()) s.runs.back().end = std::min(s.runs.back().end, length);
  DropPagesFrom(s, static_cast<size_t>(KvCache::PagesFor(length)));
}

void Sequences::SetAdapter(int32_t id, AdapterRef adapter) {
  Sequence& s = Get(id);
  if (s.adapter == adapter) return;
  if (writers_.Find(adapter) == kNoWriter) has_unreachable_ |= writers_.ForgetGone();  // so that the list stays short
  s.writer = writers_.IdOf(adapter);
  s.adapter = std::move(adapter);
}

// Pages that can match nothing any more go before the one unused longest.
int32_t Sequences::TakePage() {
  if (cache_->num_free() == 0) ForgetUnreachable();
  if (cache_->num_free() == 0) EvictPage();
  return cache_->Take();
}

bool Sequences::EvictPage() {
  const int32_t page = prefixes_.Evict();
  if (page < 0) return false;
  cache_->Return(page);
  ++counters_.evicted_pages;
  return true;
}

void Sequences::DropPage(int32_t page) {
  if (cache_->Drop(page) > 0) return;
  if (prefixes_.Knows(page)) {
    prefixes_.Park(page);
  } else {
    cache_->Return(page);
  }
}

// From the back, so that of one sequence's parked pages the first are the last to be evicted.
void Sequences::DropPagesFrom(Sequence& s, size_t count) {
  while (s.pages.size() > count) {
    DropPage(s.pages.back());
    s.pages.pop_back();
  }
}

int64_t Sequences::PagesToGrow(int32_t id, int64_t length) const {
  const Sequence& s = Get(id);
  if (length <= s.length()) return 0;
  const bool copies = s.length() % kPage != 0 && cache_->references(s.pages.back()) > 1;
  return KvCache::PagesFor(length) - static_cast<int64_t>(s.pages.size()) + (copies ? 1 : 0);
}

bool Sequences::Reserve(int32_t id) {
  Sequence& s = Get(id);
  const int64_t length = s.length();
  if (s.pending.empty()) return true;
  const int64_t wanted = KvCache::PagesFor(length + static_cast<int64_t>(s.pending.size()));
  MakeRoom(s.pages, static_cast<size_t>(wanted) - s.pages.size());
  MakeRoom(s.tokens, s.pending.size());
  MakeRoom(s.runs, 1);
  if (length % kPage != 0) {
    int32_t& last = s.pages[static_cast<size_t>(length / kPage)];
    if (cache_->references(last) > 1) {
      const int32_t copy = TakePage();
      if (copy < 0) return false;
      cache_->CopyPage(last, copy);
      ++counters_.copied_pages;
      DropPage(last);
      last = copy;
    } else if (prefixes_.Knows(last)) {
      // It is known as it was before the sequence was truncated, or by a freed fork's tokens, and will now change.
      has_unreachable_ |= prefixes_.IsFollowed(last);
      prefixes_.Remove(last);
    }
  }
  while (static_cast<int64_t>(s.pages.size()) < wanted) {
    const int32_t page = TakePage();
    if (page < 0) return false;
    s.pages.push_back(page);
  }
  return true;
}

void Sequences::Cancel(int32_t id) {
  Sequence& s = Get(id);
  s.pending.clear();
  s.pending_sure = 0;
  DropPagesFrom(s, static_cast<size_t>(KvCache::PagesFor(s.length())));
}

void Sequences::Commit(int32_t id) {
  Sequence& s = Get(id);
  const int64_t before = s.length(), known = s.num_sure;
  Append(s, s.pending, s.writer, s.adapter);
  s.pending.clear();
  if (s.pending_sure > 0) s.num_sure = before + std::exchange(s.pending_sure, 0);
  RegisterFullPages(s, known);
  counters_.hit_tokens += std::exchange(s.hit_tokens, 0);
  counters_.miss_tokens += std::exchange(s.miss_tokens, 0);
}

int64_t Sequences::Trim(int64_t keep_bytes) {
  ForgetUnreachable();
  while ((cache_->num_pages() - cache_->num_free()) * cache_->page_bytes() > keep_bytes && EvictPage()) {
  }
  const int64_t bytes = cache_->Trim();
  counters_.trimmed_bytes += bytes;
  return bytes;
}

KvCounters Sequences::counters() const {
  KvCounters all = counters_;
  all.parked_pages = prefixes_.num_parked();
  all.free_pages = cache_->num_free();
  all.used_pages = cache_->num_pages() - all.parked_pages - all.free_pages;
  all.shared_pages = cache_->num_shared();
  all.page_bytes = cache_->page_bytes();
  all.resident_bytes = cache_->resident_bytes();
  return all;
}

void Sequences::Append(Sequence& s, std::span<const int32_t> tokens, WriterId writer, const AdapterRef& adapter) {
  const int64_t begin = s.length();
  s.tokens.insert(s.tokens.end(), tokens.begin(), tokens.end());
  if (s.runs.empty() || s.runs.back().id != writer) s.runs.push_back({begin, begin, writer, adapter});
  s.runs.back().end = s.length();
}

}  // namespace pith
