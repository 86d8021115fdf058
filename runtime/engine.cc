#include "runtime/engine.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/decoder.h"
#include "runtime/kv_snapshot.h"
#include "runtime/sequences.h"

namespace pith {

namespace {
constexpr size_t kPrefillRows = 256;  // enough for the weights' reading to be shared well
static_assert(Engine::kPageTokens == KvCache::kPageTokens);
}  // namespace

struct Engine::Impl {
  Impl(std::shared_ptr<const BaseModel> model, const EngineOptions& engine_options)
      : base(std::move(model)),
        options(engine_options),
        pool(options.num_threads),
        cache(base->config(), options.kv_tokens, options.kv_type, options.kv_max_bytes),
        sequences(&cache, options.share_prefixes),
        decoder(base, options.activations) {
    decoder.ChoosePlans(pool);
  }

  void Collect(std::span<const ForwardRow> rows);
  void BuildBatch(std::span<const ForwardRow> rows);
  void Abandon();
  void Compute(std::span<const ForwardRow> rows, int64_t num_layers, float* logits_out, float* hidden_out);

  std::shared_ptr<const BaseModel> base;
  EngineOptions options;
  ThreadPool pool;
  KvCache cache;
  Sequences sequences;
  Decoder decoder;

  bool drafting = false;  // pending tokens are those of ForwardDraft()
  // Of the batch at hand; kept so that nothing is allocated in steady state.
  std::vector<SequenceId> involved;  // sequences with pending tokens, in order of first appearance
  std::vector<int32_t> group_of_row, next_in_group;
  std::vector<int64_t> positions;
  std::vector<ForwardRow> prefill_rows;
  Batch batch;
};

Engine::Engine(std::shared_ptr<const BaseModel> base, const EngineOptions& options) {
  PITH_CHECK(base != nullptr, "no base");
  if (options.num_threads < 0) {
    ThrowUser("the engine was asked for ", options.num_threads, " threads; give 0 (all cores) or more");
  }
  impl_ = std::make_unique<Impl>(std::move(base), options);
}

Engine::~Engine() = default;

const ModelConfig& Engine::config() const { return impl_->base->config(); }
const EngineOptions& Engine::options() const { return impl_->options; }
SequenceId Engine::NewSequence() { return impl_->sequences.New(); }
SequenceId Engine::Fork(SequenceId from) {
  EndDraft();
  return impl_->sequences.Fork(from);
}
void Engine::Free(SequenceId sequence) {
  EndDraft();
  impl_->sequences.Free(sequence);
}
int64_t Engine::Length(SequenceId sequence) const { return impl_->sequences.Get(sequence).length(); }
void Engine::Truncate(SequenceId sequence, int64_t length) {
  EndDraft();
  impl_->sequences.Truncate(sequence, length);
}

void Engine::SetAdapter(SequenceId sequence, AdapterRef adapter) {
  EndDraft();
  impl_->sequences.SetAdapter(sequence, std::move(adapter));
}

std::vector<KvSegment> Engine::Segments(SequenceId sequence) const {
  std::vector<KvSegment> segments;
  for (const WriterRun& run : impl_->sequences.Get(sequence).runs) {
    segments.push_back({run.begin, run.end, run.adapter.get()});
  }
  return segments;
}

// Sorts the rows' tokens to their sequences, behind those of a draft, and makes room for them, and for what Commit() will append. Where it
// throws, Abandon() is to follow.
void Engine::Impl::Collect(std::span<const ForwardRow> rows) {
  const ModelConfig& config = base->config();
  for (const ForwardRow& row : rows) {
    if (row.token < 0 || row.token >= config.vocab_size) {
      ThrowUser("token id ", row.token, " is not in the model's vocabulary of ", config.vocab_size, " tokens");
    }
    sequences.Get(row.sequence);
  }
  if (!drafting) involved.clear();
  positions.clear();
  for (const ForwardRow& row : rows) {
    Sequence& s = sequences.Get(row.sequence);
    if (s.pending.empty()) involved.push_back(row.sequence);  // before its first token is pending: Abandon() must find it
    positions.push_back(s.length() + static_cast<int64_t>(s.pending.size()));
    s.pending.push_back(row.token);
    if (!row.drafted) s.pending_sure = static_cast<int64_t>(s.pending.size());
  }
  for (SequenceId id : involved) {
    const Sequence& s = sequences.Get(id);
    const int64_t length = s.length(), added = static_cast<int64_t>(s.pending.size());
    if (length + added > config.context_length) {
      ThrowUser("a sequence of ", length, " tokens cannot take ", added, " more: the model's context is ",
                config.context_length, " tokens; shorten the prompt or ask for fewer tokens");
    }
  }
  for (SequenceId id : involved) {
    if (sequences.Reserve(id)) continue;
    const int64_t tokens = std::min(options.kv_tokens, cache.num_pages() * kPageTokens);
    ThrowUser("the KV cache of ", tokens, " tokens is full; make it larger, or run fewer or shorter sequences");
  }
}

void Engine::Impl::Abandon() {
  for (SequenceId id : involved) sequences.Cancel(id);
  involved.clear();
  drafting = false;
}

// Rows in groups of one adapter each, in order of first appearance; within a group in the caller's order.
void Engine::Impl::BuildBatch(std::span<const ForwardRow> rows) {
  batch.rows.clear();
  batch.groups.clear();
  batch.logit_rows.clear();
  batch.hidden_rows.clear();
  group_of_row.clear();
  for (const ForwardRow& row : rows) {
    const PackedAdapter* adapter = sequences.Get(row.sequence).adapter.get();
    size_t g = 0;
    while (g < batch.groups.size() && batch.groups[g].adapter != adapter) ++g;
    if (g == batch.groups.size()) batch.groups.push_back({0, 0, adapter});
    ++batch.groups[g].end;  // a count, until the loop below
    group_of_row.push_back(static_cast<int32_t>(g));
  }
  next_in_group.clear();
  int64_t begin = 0;
  for (AdapterGroup& group : batch.groups) {
    next_in_group.push_back(static_cast<int32_t>(begin));
    group.begin = begin;
    begin = group.end += begin;
  }
  batch.rows.resize(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    const int32_t place = next_in_group[group_of_row[r]]++;
    batch.rows[place] = {rows[r].token, positions[r], sequences.Get(rows[r].sequence).pages.data()};
    if (rows[r].want_logits) batch.logit_rows.push_back(place);
    if (rows[r].want_hidden) batch.hidden_rows.push_back(place);
  }
}

void Engine::Impl::Compute(std::span<const ForwardRow> rows, int64_t num_layers, float* logits_out, float* hidden_out) {
  try {
    Collect(rows);
    BuildBatch(rows);
    PITH_CHECK(batch.logit_rows.empty() || logits_out != nullptr, batch.logit_rows.size(), " rows of logits");
    PITH_CHECK(batch.hidden_rows.empty() || hidden_out != nullptr, batch.hidden_rows.size(), " rows of hidden states");
    decoder.Run(pool, cache, batch, num_layers, logits_out, hidden_out);
  } catch (...) {
    Abandon();
    throw;
  }
}

void Engine::Forward(std::span<const ForwardRow> rows, float* logits_out, float* hidden_out) {
  EndDraft();
  if (rows.empty()) return;
  Impl& e = *impl_;
  e.Compute(rows, config().num_layers, logits_out, hidden_out);
  for (SequenceId id : e.involved) e.sequences.Commit(id);
  e.involved.clear();
}

void Engine::ForwardDraft(std::span<const ForwardRow> rows, int64_t num_layers, float* logits_out) {
  PITH_CHECK(num_layers >= 1 && num_layers <= config().num_layers, num_layers, " layers of ", config().num_layers);
  if (rows.empty()) return;
  if (!impl_->drafting) impl_->involved.clear();
  impl_->drafting = true;
  impl_->Compute(rows, num_layers, logits_out, nullptr);
}

void Engine::EndDraft() {
  if (impl_->drafting) impl_->Abandon();
}

int64_t Engine::AdoptPrefix(SequenceId sequence, std::span<const int32_t> tokens) {
  const WriterSpan all{static_cast<int64_t>(tokens.size()), impl_->sequences.Get(sequence).adapter};
  return AdoptPrefix(sequence, tokens, {&all, 1});
}

int64_t Engine::AdoptPrefix(SequenceId sequence, std::span<const int32_t> tokens, std::span<const WriterSpan> writers) {
  return impl_->sequences.AdoptPrefix(sequence, tokens, writers);
}

void Engine::Prefill(SequenceId sequence, std::span<const int32_t> tokens, float* logits_last) {
  const WriterSpan all{static_cast<int64_t>(tokens.size()), impl_->sequences.Get(sequence).adapter};
  Prefill(sequence, tokens, {&all, 1}, logits_last);
}

void Engine::Prefill(SequenceId sequence, std::span<const int32_t> tokens, std::span<const WriterSpan> writers, float* logits_last) {
  PITH_CHECK(!tokens.empty() || logits_last == nullptr, "logits of no token");
  PITH_CHECK_EQ(writers.empty() ? 0 : writers.back().end, static_cast<int64_t>(tokens.size()));
  const int64_t before = Length(sequence);
  const AdapterRef adapter_before = impl_->sequences.Get(sequence).adapter;
  // The last token is computed in any case where its logits are wanted.
  const size_t adoptable = tokens.size() - (logits_last != nullptr ? 1 : 0);
  size_t done = static_cast<size_t>(AdoptPrefix(sequence, tokens.first(adoptable), writers));
  std::vector<ForwardRow>& rows = impl_->prefill_rows;
  try {
    for (const WriterSpan& writer : writers) {
      SetAdapter(sequence, writer.adapter);
      while (done < static_cast<size_t>(writer.end)) {
        const size_t end = std::min(static_cast<size_t>(writer.end), done + kPrefillRows);
        rows.clear();
        for (; done < end; ++done) {
          rows.push_back({sequence, tokens[done], logits_last != nullptr && done + 1 == tokens.size()});
        }
        Forward(rows, logits_last);
      }
    }
  } catch (...) {
    Truncate(sequence, before);
    SetAdapter(sequence, adapter_before);  // never fails: it is known
    throw;
  }
}

int64_t Engine::PagesToGrow(SequenceId sequence, int64_t length) const { return impl_->sequences.PagesToGrow(sequence, length); }
int64_t Engine::kv_tokens_free() const { return impl_->sequences.num_pages_free() * kPageTokens; }
int64_t Engine::Trim(int64_t keep_bytes) { return impl_->sequences.Trim(keep_bytes); }
KvCounters Engine::kv_counters() const { return impl_->sequences.counters(); }

void Engine::SaveKv(SequenceId sequence, const std::string& path) const {
  SaveSequence(impl_->sequences, impl_->cache, *impl_->base, impl_->options.activations, sequence, path);
}

SequenceId Engine::RestoreKv(const std::string& path, std::span<const AdapterRef> adapters) {
  return RestoreSequence(impl_->sequences, impl_->cache, *impl_->base, impl_->options.activations, path, adapters);
}

ThreadPool& Engine::pool() { return impl_->pool; }

EngineMemory Engine::memory() const {
  return {impl_->cache.resident_bytes(), impl_->decoder.weights_bytes(), impl_->decoder.scratch_bytes()};
}

}  // namespace pith
