// Sequences: pages as others find them.
#include <algorithm>

#include "base/error.h"
#include "runtime/sequences.h"

namespace pith {

namespace {
constexpr int64_t kFull = KvCache::kPageTokens;
}  // namespace

PageKey Sequences::KeyOf(const Sequence& s, int64_t page_index) const {
  PageKey key;
  key.parent = page_index == 0 ? 0 : prefixes_.serial(s.pages[static_cast<size_t>(page_index - 1)]);
  PITH_CHECK(page_index == 0 || key.parent != 0, "page ", page_index, " follows one that was never registered");
  const int64_t begin = page_index * kFull, end = std::min(begin + kFull, s.length());
  key.tokens.fill(-1);
  std::copy(s.tokens.begin() + begin, s.tokens.begin() + end, key.tokens.begin());
  for (const WriterRun& run : s.runs) {
    for (int64_t t = std::max(run.begin, begin); t < std::min(run.end, begin + kFull); ++t) {
      key.writers[static_cast<size_t>(t - begin)] = run.id;
    }
  }
  return key;
}

void Sequences::RegisterFullPages(Sequence& s, int64_t from_token) {
  if (!share_prefixes_) return;
  for (int64_t i = from_token / kFull; (i + 1) * kFull <= s.length(); ++i) {
    int32_t& page = s.pages[static_cast<size_t>(i)];
    const PageKey key = KeyOf(s, i);
    const int32_t twin = prefixes_.Find(key);
    if (twin < 0) {
      prefixes_.Add(page, key, i == 0 ? -1 : s.pages[static_cast<size_t>(i - 1)]);
    } else if (twin != page) {  // computed twice, bit for bit the same: keep one
      TakeOver(twin);
      DropPage(page);
      page = twin;
    }
  }
}

// The last page of a sequence that goes: somebody may begin as it did, or go on from there.
void Sequences::RegisterLastPage(Sequence& s) {
  if (!share_prefixes_ || s.length() % kFull == 0) return;
  const int64_t i = s.length() / kFull;
  const int32_t page = s.pages[static_cast<size_t>(i)];
  if (prefixes_.Knows(page)) return;
  const PageKey key = KeyOf(s, i);
  if (prefixes_.Find(key) < 0) prefixes_.Add(page, key, i == 0 ? -1 : s.pages[static_cast<size_t>(i - 1)]);
}

void Sequences::TakeOver(int32_t page) {
  if (cache_->references(page) == 0) prefixes_.Unpark(page);
  cache_->Share(page);
}

int64_t Sequences::AdoptPrefix(int32_t id, std::span<const int32_t> tokens, std::span<const WriterSpan> writers) {
  Sequence& s = Get(id);
  const int64_t num_tokens = static_cast<int64_t>(tokens.size());
  int64_t begin = 0;
  for (const WriterSpan& span : writers) {
    PITH_CHECK(span.end >= begin, "a writer's tokens end at ", span.end, " and begin at ", begin);
    begin = span.end;
  }
  PITH_CHECK(begin >= num_tokens, "writers of ", begin, " tokens of ", num_tokens);
  if (!share_prefixes_ || s.length() != 0) return 0;
  MakeRoom(s.pages, tokens.size() / kFull + 1);
  MakeRoom(s.tokens, tokens.size());
  MakeRoom(s.runs, writers.size());
  PageKey key;
  int64_t length = 0;
  auto span = writers.begin();
  while (length + kFull <= num_tokens) {
    for (int64_t i = 0; i < kFull; ++i) {
      while (span->end <= length + i) ++span;
      key.writers[static_cast<size_t>(i)] = writers_.Find(span->adapter);  // kNoWriter matches nothing
    }
    std::copy_n(tokens.begin() + length, kFull, key.tokens.begin());
    const int32_t page = prefixes_.Find(key);
    if (page < 0) break;
    TakeOver(page);
    s.pages.push_back(page);
    key.parent = prefixes_.serial(page);
    length += kFull;
  }
  length += AdoptBeginning(s, key.parent, tokens.subspan(static_cast<size_t>(length)), length, writers);
  AppendSpans(s, tokens.first(static_cast<size_t>(length)), writers);
  s.hit_tokens = length;
  s.miss_tokens = num_tokens - length;
  return length;
}

// A copy of the page that begins as `tokens` do, which stand at `begin`, where there is one and room for it: it stays as it is for others.
int64_t Sequences::AdoptBeginning(Sequence& s, uint64_t parent, std::span<const int32_t> tokens, int64_t begin, std::span<const WriterSpan> writers) {
  const int64_t count = std::min(static_cast<int64_t>(tokens.size()), kFull);
  if (count == 0) return 0;
  PageKey key;
  key.parent = parent;
  auto span = writers.begin();
  for (int64_t i = 0; i < count; ++i) {
    while (span->end <= begin + i) ++span;
    key.writers[static_cast<size_t>(i)] = writers_.Find(span->adapter);
    key.tokens[static_cast<size_t>(i)] = tokens[static_cast<size_t>(i)];
  }
  int32_t page = -1;
  const int64_t same = prefixes_.FindBeginning(key, count, &page);
  if (same == 0) return 0;
  TakeOver(page);  // so that making room does not push it out
  const int32_t copy = TakePage();
  if (copy >= 0) {
    cache_->CopyPage(page, copy);
    s.pages.push_back(copy);
  }
  DropPage(page);
  return copy >= 0 ? same : 0;
}

void Sequences::AppendSpans(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers) {
  size_t begin = static_cast<size_t>(s.length());
  for (const WriterSpan& span : writers) {
    const size_t end = std::min(tokens.size(), static_cast<size_t>(span.end));
    if (end > begin) Append(s, tokens.subspan(begin, end - begin), writers_.Find(span.adapter), span.adapter);
    begin = std::max(begin, end);
  }
}

int32_t Sequences::Restore(std::span<const int32_t> tokens, std::span<const WriterSpan> writers, const AdapterRef& adapter,
                           const std::function<void(int32_t, int64_t)>& fill) {
  for (const WriterSpan& span : writers) writers_.IdOf(span.adapter);
  const int32_t id = New();
  try {
    SetAdapter(id, adapter);
    AdoptPrefix(id, tokens, writers);
    Sequence& s = Get(id);
    s.hit_tokens = s.miss_tokens = 0;
    const int64_t cached = s.length();
    if (PagesToGrow(id, static_cast<int64_t>(tokens.size())) > num_pages_free()) {
      Free(id);
      return -1;
    }
    MakeRoom(s.runs, writers.size());
    const auto rest = tokens.subspan(static_cast<size_t>(cached));
    s.pending.assign(rest.begin(), rest.end());
    PITH_CHECK(Reserve(id), "there was room");
    for (size_t i = static_cast<size_t>(cached / kFull); i < s.pages.size(); ++i) fill(s.pages[i], static_cast<int64_t>(i));
    s.pending.clear();
    AppendSpans(s, tokens, writers);
    RegisterFullPages(s, cached);
  } catch (...) {
    Cancel(id);
    Free(id);
    throw;
  }
  return id;
}

// A page's writer is gone only while nobody refers to it: a sequence holds the adapters that wrote to it.
void Sequences::ForgetUnreachable() {
  if (writers_.ForgetGone()) has_unreachable_ = true;
  if (!has_unreachable_) return;
  has_unreachable_ = false;
  prefixes_.ForgetUnreachable([this](WriterId id) { return writers_.IsGone(id); }, [this](int32_t page) {
    cache_->Return(page);
    ++counters_.forgotten_pages;
  });
}

}  // namespace pith
