// The sequences of an engine: which pages, which tokens, which writers. All of it is metadata; the only KV that moves
// here is the copy of a shared last page before one of its sequences writes to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/kv_cache.h"
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

  // Gives an empty sequence the longest cached prefix of `tokens`, in whole pages, that these writers wrote: together they cover
  // all tokens. Returns its length.
  int64_t AdoptPrefix(int32_t id, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);

  int64_t num_pages_free() const { return cache_->num_free() + prefixes_.num_parked(); }

 private:
  int32_t TakePage();
  void DropPage(int32_t page);
  void DropPagesFrom(Sequence& s, size_t count);
  void Append(Sequence& s, std::span<const int32_t> tokens, WriterId writer, const AdapterRef& adapter);
  void AppendSpans(Sequence& s, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);  // from `tokens`' first on
  void TakeOver(int32_t page);     // one that the prefix cache knows
  void ForgetUnreachable();
  void RegisterFullPages(Sequence& s, int64_t from_token);
  PageKey KeyOf(const Sequence& s, int64_t page_index) const;

  KvCache* cache_;
  bool share_prefixes_;
  PrefixCache prefixes_;
  std::vector<Sequence> sequences_;
  std::vector<int32_t> unused_;
  Writers writers_;
  bool has_unreachable_ = false;   // parked pages may be among the unreachable
};

// So that `more` push_backs cannot fail. Capacities double, as where vectors grow by themselves.
template <class T>
void MakeRoom(std::vector<T>& v, size_t more) {
  if (v.capacity() - v.size() < more) v.reserve(std::max(v.size() + more, 2 * v.capacity()));
}

}  // namespace pith
