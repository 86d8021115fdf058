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
  key.count = end - begin;
  std::copy(s.tokens.begin() + begin, s.tokens.begin() + end, key.tokens.begin());
  for (const WriterRun& run : s.runs) {
    for (int64_t t = std::max(run.begin, begin); t < std::min(run.end, end); ++t) {
      key.writers[static_cast<size_t>(t - begin)] = run.id;
    }
  }
  return key;
}

void Sequences::RegisterFullPages(Sequence& s, int64_t from_token) {
  if (!share_prefixes_) return;
  for (int64_t i = from_token / kFull; (i + 1) * kFull <= s.num_sure; ++i) {
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
  int32_t& page = s.pages[static_cast<size_t>(i)];
  if (prefixes_.Knows(page)) return;
  const PageKey key = KeyOf(s, i);
  const int32_t before = i == 0 ? -1 : s.pages[static_cast<size_t>(i - 1)];
  int32_t twin = -1;
  if (prefixes_.FindBeginning(key, before, &twin) < key.count) {
    prefixes_.Add(page, key, before);
  } else {  // another one holds as much, or more: keep that, as the one used last
    TakeOver(twin);
    DropPage(page);
    page = twin;
  }
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
  int64_t length = AdoptPages(s, tokens, writers);
  length += AdoptBeginning(s, tokens, writers);
  AppendSpans(s, tokens.first(static_cast<size_t>(length)), writers);
  s.hit_tokens = length;
  s.miss_tokens = num_tokens - length;
  return length;
}

// The key of the tokens from `begin` on, as far as they reach into one page.
PageKey Sequences::KeyOf(std::span<const int32_t> tokens, std::span<const WriterSpan> writers, int64_t begin, uint64_t parent) const {
  PageKey key;
  key.parent = parent;
  key.count = std::min(static_cast<int64_t>(tokens.size()) - begin, kFull);
  std::copy_n(tokens.begin() + begin, key.count, key.tokens.begin());
  auto span = writers.begin();
  for (int64_t i = 0; i < key.count; ++i) {
    while (span->end <= begin + i) ++span;
    key.writers[static_cast<size_t>(i)] = writers_.Find(span->adapter);  // kNoWriter matches nothing
  }
  return key;
}

int64_t Sequences::AdoptPages(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers) {
  int64_t length = 0;
  for (uint64_t parent = 0; length + kFull <= static_cast<int64_t>(tokens.size()); length += kFull) {
    const int32_t page = prefixes_.Find(KeyOf(tokens, writers, length, parent));
    if (page < 0) break;
    TakeOver(page);
    s.pages.push_back(page);
    parent = prefixes_.serial(page);
  }
  return length;
}

// A copy of the page that goes on after s's pages as `tokens` do the longest, where there is one and room for it: the page stays as
// it is for others.
int64_t Sequences::AdoptBeginning(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers) {
  const int64_t begin = static_cast<int64_t>(s.pages.size()) * kFull;
  const PageKey key = KeyOf(tokens, writers, begin, s.pages.empty() ? 0 : prefixes_.serial(s.pages.back()));
  int32_t page = -1;
  const int64_t same = prefixes_.FindBeginning(key, s.pages.empty() ? -1 : s.pages.back(), &page);
  if (same == 0) return 0;
  TakeOver(page);  // so that making room does not push it out
  const int32_t copy = TakePage();
  if (copy >= 0) {
    cache_->CopyPage(page, copy);
    ++counters_.copied_pages;
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
  s.num_sure = s.length();
}

int32_t Sequences::Restore(std::span<const int32_t> tokens, std::span<const WriterSpan> writers, const AdapterRef& adapter,
                           const std::function<void(int32_t, int64_t)>& fill) {
  for (const WriterSpan& span : writers) writers_.IdOf(span.adapter);
  const int32_t id = New();
  try {
    SetAdapter(id, adapter);
    Sequence& s = Get(id);
    MakeRoom(s.pages, tokens.size() / kFull);
    MakeRoom(s.tokens, tokens.size());
    MakeRoom(s.runs, writers.size());
    // Whole pages alone: of another one all is there to be put in its place.
    const int64_t cached = share_prefixes_ ? AdoptPages(s, tokens, writers) : 0;
    AppendSpans(s, tokens.first(static_cast<size_t>(cached)), writers);
    if (PagesToGrow(id, static_cast<int64_t>(tokens.size())) > num_pages_free()) {
      Free(id);
      return -1;
    }
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
