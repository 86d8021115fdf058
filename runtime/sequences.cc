#include "runtime/sequences.h"

#include <algorithm>

#include "base/error.h"

namespace pith {

namespace {
constexpr int64_t kPage = KvCache::kPageTokens;

// So that `more` push_backs cannot fail. Capacities double, as where vectors grow by themselves.
template <class T>
void MakeRoom(std::vector<T>& v, size_t more) {
  if (v.capacity() - v.size() < more) v.reserve(std::max(v.size() + more, 2 * v.capacity()));
}
}  // namespace

Sequences::Sequences(KvCache* cache, bool share_prefixes)
    : cache_(cache), share_prefixes_(share_prefixes), prefixes_(cache->num_pages()) {}

Sequence& Sequences::Get(int32_t id) {
  PITH_CHECK(id >= 0 && static_cast<size_t>(id) < sequences_.size() && sequences_[id].live, "sequence ", id);
  return sequences_[id];
}

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
  for (int32_t page : s.pages) cache_->Share(page);
  return id;
}

void Sequences::Free(int32_t id) {
  Truncate(id, 0);
  Sequence& s = Get(id);
  s.adapter = nullptr;
  s.writer = 0;
  s.live = false;
  unused_.push_back(id);
}

void Sequences::Truncate(int32_t id, int64_t length) {
  Sequence& s = Get(id);
  PITH_CHECK(length >= 0 && length <= s.length(), "length ", length, " of ", s.length());
  s.tokens.resize(static_cast<size_t>(length));
  while (!s.runs.empty() && s.runs.back().begin >= length) s.runs.pop_back();
  if (!s.runs.empty()) s.runs.back().end = std::min(s.runs.back().end, length);
  DropPagesFrom(s, static_cast<size_t>(KvCache::PagesFor(length)));
}

void Sequences::SetAdapter(int32_t id, std::shared_ptr<const PackedAdapter> adapter) {
  Sequence& s = Get(id);
  if (s.adapter == adapter) return;
  s.writer = IdOf(adapter);
  s.adapter = std::move(adapter);
}

// A writer is known by its object, not by its address: a new adapter may lie where a freed one lay.
WriterId Sequences::IdOf(const std::shared_ptr<const PackedAdapter>& adapter) {
  if (!adapter) return 0;
  for (const Writer& writer : writers_) {
    if (!writer.adapter.owner_before(adapter) && !adapter.owner_before(writer.adapter)) return writer.id;
  }
  std::erase_if(writers_, [](const Writer& writer) { return writer.adapter.expired(); });
  writers_.push_back({adapter, next_writer_++});
  return writers_.back().id;
}

int32_t Sequences::TakePage() {
  if (cache_->num_free() == 0) {
    const int32_t evicted = prefixes_.Evict();
    if (evicted >= 0) cache_->Return(evicted);
  }
  return cache_->Take();
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
      DropPage(last);
      last = copy;
    } else if (prefixes_.Knows(last)) {
      prefixes_.Remove(last);  // the sequence was truncated inside a full page and will now change it
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
  DropPagesFrom(s, static_cast<size_t>(KvCache::PagesFor(s.length())));
}

void Sequences::Commit(int32_t id) {
  Sequence& s = Get(id);
  const int64_t before = s.length();
  Append(s, s.pending);
  s.pending.clear();
  RegisterFullPages(s, before);
}

void Sequences::Append(Sequence& s, std::span<const int32_t> tokens) {
  const int64_t begin = s.length();
  s.tokens.insert(s.tokens.end(), tokens.begin(), tokens.end());
  if (s.runs.empty() || s.runs.back().id != s.writer) s.runs.push_back({begin, begin, s.writer, s.adapter});
  s.runs.back().end = s.length();
}

PageKey Sequences::KeyOf(const Sequence& s, int64_t page_index) const {
  PageKey key;
  key.parent = page_index == 0 ? 0 : prefixes_.serial(s.pages[static_cast<size_t>(page_index - 1)]);
  PITH_CHECK(page_index == 0 || key.parent != 0, "page ", page_index, " follows one that was never registered");
  const int64_t begin = page_index * kPage;
  std::copy_n(s.tokens.begin() + begin, kPage, key.tokens.begin());
  for (const WriterRun& run : s.runs) {
    for (int64_t t = std::max(run.begin, begin); t < std::min(run.end, begin + kPage); ++t) {
      key.writers[static_cast<size_t>(t - begin)] = run.id;
    }
  }
  return key;
}

void Sequences::RegisterFullPages(Sequence& s, int64_t from_token) {
  if (!share_prefixes_) return;
  for (int64_t i = from_token / kPage; (i + 1) * kPage <= s.length(); ++i) {
    int32_t& page = s.pages[static_cast<size_t>(i)];
    const PageKey key = KeyOf(s, i);
    const int32_t twin = prefixes_.Find(key);
    if (twin < 0) {
      prefixes_.Add(page, key);
    } else if (twin != page) {  // computed twice, bit for bit the same: keep one
      if (cache_->references(twin) == 0) prefixes_.Unpark(twin);
      cache_->Share(twin);
      DropPage(page);
      page = twin;
    }
  }
}

int64_t Sequences::AdoptPrefix(int32_t id, std::span<const int32_t> tokens) {
  Sequence& s = Get(id);
  if (!share_prefixes_ || s.length() != 0) return 0;
  const int64_t num_tokens = static_cast<int64_t>(tokens.size());
  MakeRoom(s.pages, tokens.size() / kPage);
  MakeRoom(s.tokens, tokens.size());
  MakeRoom(s.runs, 1);
  PageKey key;
  key.writers.fill(s.writer);
  int64_t length = 0;
  while (length + kPage <= num_tokens) {
    std::copy_n(tokens.begin() + length, kPage, key.tokens.begin());
    const int32_t page = prefixes_.Find(key);
    if (page < 0) break;
    if (cache_->references(page) == 0) prefixes_.Unpark(page);
    cache_->Share(page);
    s.pages.push_back(page);
    key.parent = prefixes_.serial(page);
    length += kPage;
  }
  if (length > 0) Append(s, tokens.first(static_cast<size_t>(length)));
  return length;
}

}  // namespace pith
