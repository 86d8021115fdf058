// The KV cache: what it takes, given back, and in a file.
#include "runtime/capi/handles.h"
#include "runtime/kv_file.h"

using namespace pith::capi;

pith_status pith_model_get_memory(pith_model* model, pith_memory* memory, pith_error* error) {
  return Guarded(error, SinkOfHandle(model), [&] {
    pith_memory now = pith_memory_default();
    Get(model, "model").model->Call([&now](pith::Engine& engine) {
      const pith::EngineMemory used = engine.memory();
      now.weights_mapped_bytes = used.weights_mapped_bytes;
      now.kv_bytes = used.kv_bytes;
      now.scratch_bytes = used.scratch_bytes;
      const pith::KvCounters kv = engine.kv_counters();
      now.kv_tokens = std::min(engine.options().kv_tokens, (kv.used_pages + kv.parked_pages + kv.free_pages) * pith::Engine::kPageTokens);
      now.kv_tokens_free = engine.kv_tokens_free();
      now.kv_used_bytes = kv.used_pages * kv.page_bytes;
      now.kv_hit_tokens = kv.hit_tokens;
      now.kv_miss_tokens = kv.miss_tokens;
      now.kv_evicted_bytes = kv.evicted_pages * kv.page_bytes;
    });
    WriteStruct(now, memory, "memory");
  });
}

pith_status pith_model_trim(pith_model* model, int64_t keep_bytes, int64_t* freed_bytes, pith_error* error) {
  if (freed_bytes != nullptr) *freed_bytes = 0;
  return Guarded(error, SinkOfHandle(model), [&] {
    CheckCount(keep_bytes, 0, INT64_MAX, "keep_bytes");
    int64_t freed = 0;
    Get(model, "model").model->Call([&](pith::Engine& engine) { freed = engine.Trim(keep_bytes); });
    if (freed_bytes != nullptr) *freed_bytes = freed;
  });
}

pith_status pith_conversation_save_kv(const pith_conversation* conversation, const char* path, pith_error* error) {
  return Guarded(error, SinkOfHandle(conversation), [&] {
    const pith_conversation& of = Get(conversation, "conversation");
    const std::string to = NotNull(path, "path");
    pith::CheckKvPlace(to);
    const std::vector<int32_t> known = of.state->With([](const pith::Conversation& turns, uint64_t) { return turns.KnownPrompt(); });
    if (known.empty()) pith::ThrowUser("the conversation's prompts have no tokens in common, so there is nothing to save");
    (void)of.model->identity();  // may read the whole base, which no request is to wait for
    of.model->Call([&](pith::Engine& engine) {
      const pith::SequenceId sequence = engine.NewSequence();
      try {
        engine.Prefill(sequence, known, nullptr);
        engine.SaveKv(sequence, to);
      } catch (...) {
        engine.Free(sequence);
        throw;
      }
      engine.Free(sequence);
    });
  });
}

pith_status pith_model_load_kv(pith_model* model, const char* path, int64_t* tokens, pith_error* error) {
  if (tokens != nullptr) *tokens = 0;
  return Guarded(error, SinkOfHandle(model), [&] {
    const std::shared_ptr<Model>& of = Get(model, "model").model;
    const std::string from = NotNull(path, "path");
    const std::vector<pith::AdapterRef> writers = of->open_adapters();
    (void)of->identity();
    int64_t length = 0;
    of->Call([&](pith::Engine& engine) {
      const pith::SequenceId sequence = engine.RestoreKv(from, writers);
      length = engine.Length(sequence);
      engine.Free(sequence);  // as a prefix for who comes
    });
    if (tokens != nullptr) *tokens = length;
  });
}
