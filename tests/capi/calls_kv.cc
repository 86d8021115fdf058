// The KV cache: bounded, counted, and kept in a file over a restart.
#include <unistd.h>

#include "calls.h"

namespace {

pith_memory MemoryOf(pith_model* model) {
  pith_memory memory = pith_memory_default();
  EXPECT_OK(pith_model_get_memory(model, &memory, &error));
  return memory;
}

pith_model* Open(const std::string& path, int32_t kv_type = PITH_KV_F16, int64_t most = 0) {
  pith_model_options options = pith_model_options_default();
  options.threads = 1;
  options.kv_type = kv_type;
  options.kv_max_bytes = most;
  pith_model* model = nullptr;
  EXPECT_OK(pith_model_open(path.c_str(), &options, &model, &error));
  return model;
}

}  // namespace

void Kv(const std::string& path) {
  const std::string file = "conversation.kv";
  pith_model *before = Open(path), *after = Open(path), *other = Open(path, PITH_KV_F32);
  pith_conversation *said = nullptr, *again = nullptr;
  EXPECT_OK(pith_conversation_open(before, nullptr, &said, &error));
  EXPECT_OK(pith_conversation_add(said, "One?", "It is one.", &error));
  EXPECT_OK(pith_conversation_save_kv(said, file.c_str(), &error));
  EXPECT_OK(pith_conversation_save_kv(said, file.c_str(), &error));
  pith_request request = Ask("Two?", 12);
  request.conversation = said;
  const Result alone = Run(before, request);
  EXPECT(MemoryOf(before).kv_hit_tokens > 20 && MemoryOf(before).kv_used_bytes == 0);

  // As after a restart.
  int64_t tokens = 0;
  EXPECT_OK(pith_model_load_kv(after, file.c_str(), &tokens, &error));
  EXPECT(tokens > 20);
  EXPECT_OK(pith_conversation_open(after, nullptr, &again, &error));
  EXPECT_OK(pith_conversation_add(again, "One?", "It is one.", &error));
  request.conversation = again;
  EXPECT(Run(after, request) == alone);
  const pith_memory memory = MemoryOf(after);
  EXPECT(memory.kv_hit_tokens == tokens && memory.kv_miss_tokens > 0 && memory.kv_miss_tokens < tokens && memory.kv_evicted_bytes == 0);

  EXPECT_REFUSED(pith_model_load_kv(other, file.c_str(), &tokens, &error), PITH_INVALID, "the KV's type is f16");
  EXPECT(tokens == 0);
  EXPECT_REFUSED(pith_model_load_kv(after, path.c_str(), nullptr, &error), PITH_INVALID, "no KV file");
  EXPECT_REFUSED(pith_model_load_kv(after, nullptr, nullptr, &error), PITH_INVALID, "path is NULL");
  EXPECT_REFUSED(pith_conversation_save_kv(said, path.c_str(), &error), PITH_INVALID, "not replaced");
  EXPECT_REFUSED(pith_conversation_save_kv(nullptr, file.c_str(), &error), PITH_INVALID, "conversation is NULL");
  pith_conversation_free(said), pith_conversation_free(again);
  for (pith_model* model : {before, after, other}) EXPECT(pith_model_close(model) == PITH_OK);
  ::unlink(file.c_str());

  pith_model* bounded = Open(path, PITH_KV_F16, 40000);
  EXPECT(MemoryOf(bounded).kv_tokens < 200);
  pith_answer* answer = nullptr;
  const pith_request too_long = Ask("Count.", 200);
  EXPECT_REFUSED(pith_generate(bounded, &too_long, nullptr, nullptr, &answer, &error), PITH_INVALID, "KV cache");
  for (const char* text : {"One?", "A second one that is longer, for the cache to fill up.", "A third one, of which it has no more room for the first."}) Run(bounded, Ask(text, 40));
  EXPECT(MemoryOf(bounded).kv_evicted_bytes > 0 && MemoryOf(bounded).kv_bytes <= 40000 + 4096);
  EXPECT(pith_model_close(bounded) == PITH_OK);
  pith_model_options options = pith_model_options_default();
  options.kv_max_bytes = -1;
  EXPECT_REFUSED(pith_model_open(path.c_str(), &options, &bounded, &error), PITH_INVALID, "options.kv_max_bytes");
  options.kv_max_bytes = 1;
  EXPECT_REFUSED(pith_model_open(path.c_str(), &options, &bounded, &error), PITH_INVALID, "at most 1 bytes");
}
