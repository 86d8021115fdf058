// calls MODEL ADAPTER ADAPTER_WITH_HEADS: what the C API promises beyond one request, by its header alone. Prints "N checks hold"; nothing on stderr.
#include <thread>

#include "calls.h"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string path = argv[1], adapter_path = argv[2];
  Words();
  pith_model *model = nullptr, *other = nullptr;
  pith_adapter* adapter = nullptr;
  EXPECT_OK(pith_model_open(path.c_str(), nullptr, &model, &error));
  pith_model_options options = pith_model_options_default();
  options.threads = 1;
  options.kv_tokens = 4096;
  EXPECT_OK(pith_model_open(path.c_str(), &options, &other, &error));
  EXPECT_OK(pith_adapter_open(model, adapter_path.c_str(), nullptr, &adapter, &error));
  pith_model_info info = pith_model_info_default();
  EXPECT_OK(pith_model_get_info(model, &info, &error));
  EXPECT(std::string(info.architecture) == "llama" && info.context_tokens == 512 && info.vocabulary == 320 && info.has_chat_template == 1);
  const char *identity = nullptr, *again = nullptr;
  EXPECT_OK(pith_model_identity(model, &identity, &error));
  EXPECT_OK(pith_model_identity(other, &again, &error));
  EXPECT(std::strlen(identity) == 64 && std::string(identity) == again);

  pith_request request = Ask("What is 12 times 7?");
  const Result base = Run(model, request);
  request.adapter = adapter;
  const Result adapted = Run(model, request);
  EXPECT(!(base == adapted));
  Mistakes(path, model, other, adapter);
  Sources(path, adapter_path, base, adapted);
  Adapters(model, adapter, adapter_path);
  Announced(model, adapter);
  Conversations(model, adapter);
  Threads(model);
  TwoAtOnce(model, other, base);
  Chains(model);
  Votes(model);
  Scores(model, adapter, argv[3]);
  Auto(model, adapter, argv[3]);
  Text(model);
  Proofs(model, adapter);
  ABrokenAdapter(model, adapter_path);
  pith_memory memory = pith_memory_default();
  EXPECT_OK(pith_model_get_memory(other, &memory, &error));
  EXPECT(memory.weights_mapped_bytes > 0 && memory.kv_bytes > 0 && memory.scratch_bytes > 0 && memory.kv_tokens == 4096 && memory.kv_tokens_free == 4096);
  Memory(other);
  Logs(path);
  Kv(path);

  // What outlives its model is refused, and freed in any order.
  Gate gate;
  gate.model = model;
  const pith_callbacks callbacks = gate.Callbacks();
  const pith_request long_one = Ask("Count.", 200);
  pith_job* job = nullptr;
  pith_conversation* conversation = nullptr;
  EXPECT_OK(pith_conversation_open(model, nullptr, &conversation, &error));
  EXPECT_OK(pith_submit(model, &long_one, &callbacks, &job, &error));
  gate.Reach();
  std::thread opener([&] {
    while (pith_conversation_drop_last(conversation, nullptr) != PITH_CLOSED) std::this_thread::yield();
    gate.Open();
  });
  EXPECT(pith_model_close(model) == PITH_OK);
  opener.join();
  EXPECT(gate.dones == 1 && gate.closed_inside == PITH_IN_CALLBACK);  // its handle is one until it is closed
  EXPECT_REFUSED(pith_job_wait(job, -1, nullptr, &error), PITH_CLOSED, "closed");
  EXPECT(pith_job_cancel(job, -1, nullptr) == PITH_OK);
  EXPECT_REFUSED(pith_conversation_add(conversation, "a", "b", &error), PITH_CLOSED, "closed");
  pith_adapter_close(adapter);
  pith_job_free(job);
  pith_conversation_free(conversation);
  EXPECT(pith_model_close(other) == PITH_OK);
  std::printf("%d checks hold\n", checks);
  return 0;
}
