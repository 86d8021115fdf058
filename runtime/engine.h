// The phone's engine: a mapped GGUF base, a paged KV cache with cheap forks, adapters swapped by pointer.
//
// A sequence is a list of tokens whose keys and values are in the cache. Every cached token carries the identity of the
// adapter that computed it (none: the base). Forward() runs rows of any mixture of sequences in one batch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/model/base_model.h"
#include "base/thread_pool.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/linear.h"
#include "runtime/kv_counters.h"
#include "runtime/writer_span.h"

namespace pith {

struct EngineOptions {
  int num_threads = 0;                                // 0: all cores
  ActivationType activations = ActivationType::kInt8; // design: INT8 to serve, BF16 for rollouts, F32 for parity
  KvType kv_type = KvType::kF16;
  int64_t kv_tokens = 8192;                           // capacity of the cache, over all sequences
  int64_t kv_max_bytes = 0;                           // and its memory: as many tokens as have room in both; 0: no limit
  bool share_prefixes = true;                         // Prefill() may reuse cached prefixes
};

using SequenceId = int32_t;

// One token to run. Rows of one sequence must come in order; its position is the sequence's length so far.
struct ForwardRow {
  SequenceId sequence;
  int32_t token;
  bool want_logits;
  bool drafted = false;  // may be taken back by Truncate(): no other sequence finds its page until a row that is no draft has come behind it
  bool want_hidden = false;
};

// A run of cached tokens with one writer.
struct KvSegment {
  int64_t begin, end;
  const PackedAdapter* writer;  // nullptr: the base
};

struct EngineMemory {
  int64_t kv_bytes;  // that the cache had the system give and did not give back
  int64_t weights_mapped_bytes, scratch_bytes;
};

// Not thread-safe: one caller at a time.
class Engine {
 public:
  Engine(std::shared_ptr<const BaseModel> base, const EngineOptions& options);
  ~Engine();

  const ModelConfig& config() const;
  const EngineOptions& options() const;

  SequenceId NewSequence();
  // A new sequence with the same tokens and adapter; its KV is shared until the two differ. Metadata only.
  SequenceId Fork(SequenceId from);
  void Free(SequenceId sequence);
  int64_t Length(SequenceId sequence) const;
  // Drops all tokens from `length` on.
  void Truncate(SequenceId sequence, int64_t length);

  // The adapter of the rows that follow. A pointer change: no allocation, no recomputation.
  void SetAdapter(SequenceId sequence, AdapterRef adapter);
  std::vector<KvSegment> Segments(SequenceId sequence) const;

  // Appends the rows' tokens to their sequences. logits_out receives V floats per row that wants them, in row order; hidden_out D floats
  // per row that wants those: what the last layer gives, normed as the output matrix takes it.
  // UserError when a sequence would pass the model's context, or the cache is full; std::bad_alloc when memory is. After any
  // exception, here and below, every sequence is as it was before the call, and the engine goes on with the same results.
  void Forward(std::span<const ForwardRow> rows, float* logits_out, float* hidden_out = nullptr);

  // A draft of what Forward() would give: the first `num_layers` layers, from 1 to all, then norm and head (early exit). The rows stand behind
  // their sequences and behind those of earlier calls, and read and write the KV of these layers in its place; nothing of them
  // stays. EndDraft() forgets them, and so does any other call that changes sequences. Logits and errors as Forward()'s.
  void ForwardDraft(std::span<const ForwardRow> rows, int64_t num_layers, float* logits_out);
  void EndDraft();

  // Appends `tokens` to `sequence` under its present adapter, in chunks; the logits of the last token go to logits_last
  // (V floats, may be nullptr). An empty sequence first takes over the longest cached prefix that has the same tokens
  // and the same writer throughout, where share_prefixes allows.
  void Prefill(SequenceId sequence, std::span<const int32_t> tokens, float* logits_last);
  // The same with each token under the adapter that `writers` have for it, and from a prefix that these very writers wrote. The
  // last of them, who has to come to the last token, is then the sequence's adapter.
  void Prefill(SequenceId sequence, std::span<const int32_t> tokens, std::span<const WriterSpan> writers, float* logits_last);
  // The first part of Prefill() alone: an empty sequence takes over the longest cached prefix of `tokens` that its present
  // adapter, or these writers, wrote. Returns its length; 0 when nothing fits. The sequence's adapter
  // stays what it was.
  int64_t AdoptPrefix(SequenceId sequence, std::span<const int32_t> tokens);
  int64_t AdoptPrefix(SequenceId sequence, std::span<const int32_t> tokens, std::span<const WriterSpan> writers);

  // The cache is given out in pages; a sequence of n tokens holds n / kPageTokens of them, rounded up.
  static constexpr int64_t kPageTokens = 16;
  int64_t kv_tokens_free() const;  // cached prefixes that no sequence uses count as free
  // Pages that `sequence` would still take from the free ones to come to `length` tokens, the copy of a last page that it shares
  // included; 0 when it is as long already. What sequences share is charged to nobody: it is not free any more. So running
  // sequences all come to their lengths where the sum of this over them is at most kv_tokens_free() / kPageTokens; of
  // sequences that share a last page the one that writes last needs no copy, so the sum may be a page too large for each such page.
  int64_t PagesToGrow(SequenceId sequence, int64_t length) const;
  // Drops cached prefixes that no sequence uses, the one unused longest first, until the KV cache holds no more than `keep_bytes`;
  // then gives the memory of its free pages back to the system, and returns its bytes. What sequences use stays.
  int64_t Trim(int64_t keep_bytes = 0);
  KvCounters kv_counters() const;
  // Writes the sequence's tokens, who wrote them, and its KV to a file, in place of an older one. UserError where that fails.
  void SaveKv(SequenceId sequence, const std::string& path) const;
  // A new sequence as it was saved: with the same tokens, writers and adapter, which go on with the same results. Its pages can be
  // taken over as prefixes. `adapters` are those that it may need, in any order; they go by their content. UserError for a file that is
  // damaged, of another version, of another base, adapter, KV type or type of activations, or too long for the cache.
  SequenceId RestoreKv(const std::string& path, std::span<const AdapterRef> adapters);
  ThreadPool& pool();              // for its caller's loops between two calls
  EngineMemory memory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pith
