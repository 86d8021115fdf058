// The sequences of an engine: which pages, which tokens, which writers. All of it is metadata; the only KV that moves
// here is the copy of a shared last page before one of its sequences writes to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/kv_cache.h"
#include "runtime/kv_counters.h"
#include "runtime/prefix_cache.h"
#include "runtime/writer_span.h"
#include "runtime/writers.h"

namespace pith {

struct WriterRun {
  int64_t begin, end;
  WriterId id;
  AdapterRef adapter;  // kept alive, so that its address stays its own
};

struct Sequence {
  bool live = false;
  std::vector<int32_t> pages;
  std::vector<int32_t> tokens;     // cached ones; their number is the length
  std::vector<WriterRun> runs;
  AdapterRef adapter;
  WriterId writer = 0;
  std::vector<int32_t> pending;    // tokens of the batch that is being computed
  int64_t pending_sure = 0;        // of these: up to the last one that is no draft
  int64_t num_sure = 0;            // tokens whose full pages others find: those behind are drafts that may be taken back
  int64_t hit_tokens = 0, miss_tokens = 0;  // of AdoptPrefix(), until they are counted

  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
};

class Sequences {
 public:
  Sequences(KvCache* cache, bool share_prefixes);

  int32_t New();
  int32_t Fork(int32_t from);
  void Free(int32_t id);
  void Truncate(int32_t id, int64_t length);
  void SetAdapter(int32_t id, AdapterRef adapter);
  Sequence& Get(int32_t id);       // aborts on an id that is not in use
  const Sequence& Get(int32_t id) const;

  // Pages that Reserve() would still take until the sequence has `length` tokens.
  int64_t PagesToGrow(int32_t id, int64_t length) const;
  // Makes room for the pending tokens: pages for all of them, the first of them not shared. False when the cache is full, and
  // std::bad_alloc when memory is; then some pages may have been added, which Cancel() gives back.
  bool Reserve(int32_t id);
  void Cancel(int32_t id);         // forgets the pending tokens and their pages; never fails
  void Commit(int32_t id);         // the pending tokens' KV has been written; never fails after Reserve()

  // Gives an empty sequence the longest cached prefix of `tokens` that these writers wrote: together they cover all tokens. Whole
  // pages are shared; a page that only begins as wanted is copied. Returns the prefix's length.
  int64_t AdoptPrefix(int32_t id, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);

  // A new sequence of these tokens by these writers, that `adapter` goes on with. `fill(page, i)` puts the KV of the i-th page in its
  // place, where it is not cached already. −1 when there is no room, and std::bad_alloc when memory is out; then nothing has changed.
  int32_t Restore(std::span<const int32_t> tokens, std::span<const WriterSpan> writers, const AdapterRef& adapter,
                  const std::function<void(int32_t, int64_t)>& fill);

  // Drops parked pages, the one unused longest first, until used and parked ones take no more than `keep_bytes`; then the memory
  // of free pages goes back to the system. Returns its bytes. Never fails.
  int64_t Trim(int64_t keep_bytes);
  KvCounters counters() const;
  int64_t num_pages_free() const { return cache_->num_free() + prefixes_.num_parked(); }

 private:
  int32_t TakePage();
  bool EvictPage();                // false: none is parked
  void DropPage(int32_t page);
  void DropPagesFrom(Sequence& s, size_t count);
  void Append(Sequence& s, std::span<const int32_t> tokens, WriterId writer, const AdapterRef& adapter);
  void AppendSpans(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);  // those it lacks
  void TakeOver(int32_t page);     // one that the prefix cache knows
  void ForgetUnreachable();
  void RegisterLastPage(Sequence& s);
  // AdoptPrefix() in two: whole pages, and the beginning of one more. The first says how many tokens, the second how many more.
  int64_t AdoptPages(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);
  int64_t AdoptBeginning(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);
  void RegisterFullPages(Sequence& s, int64_t from_token);  // to s.num_sure
  PageKey KeyOf(const Sequence& s, int64_t page_index) const;
  PageKey KeyOf(std::span<const int32_t> tokens, std::span<const WriterSpan> writers, int64_t begin, uint64_t parent) const;

  KvCache* cache_;
  bool share_prefixes_;
  PrefixCache prefixes_;
  std::vector<Sequence> sequences_;
  std::vector<int32_t> unused_;
  Writers writers_;
  bool has_unreachable_ = false;   // parked pages may be among the unreachable
  KvCounters counters_;            // what was done; what there is now is not kept here
};

// So that `more` push_backs cannot fail. Capacities double, as where vectors grow by themselves.
template <class T>
void MakeRoom(std::vector<T>& v, size_t more) {
  if (v.capacity() - v.size() < more) v.reserve(std::max(v.size() + more, 2 * v.capacity()));
}

}  // namespace pith
