// What is refused, with a status and a sentence.
#include <cmath>
#include <cstddef>

#include "calls.h"

void Mistakes(const std::string& path, pith_model* model, pith_model* other, pith_adapter* adapter) {
  pith_model* none = nullptr;
  pith_answer* answer = nullptr;
  pith_adapter* loose = nullptr;
  EXPECT_REFUSED(pith_model_open(nullptr, nullptr, &none, &error), PITH_INVALID, "path is NULL");
  EXPECT_REFUSED(pith_model_open("no/such.gguf", nullptr, &none, &error), PITH_INVALID, "no/such.gguf");
  EXPECT_REFUSED(pith_model_open(path.c_str(), nullptr, nullptr, &error), PITH_INVALID, "model is NULL");
  EXPECT_REFUSED(pith_model_open_fd(-1, 0, 0, nullptr, &none, &error), PITH_INVALID, "descriptor -1");
  alignas(8) static const char kJunk[64] = "GGUF, but no more of it";
  EXPECT_REFUSED(pith_model_open_memory(kJunk, sizeof(kJunk), nullptr, &none, &error), PITH_INVALID, "GGUF version");
  EXPECT_REFUSED(pith_model_open_memory(kJunk + 1, 16, nullptr, &none, &error), PITH_INVALID, "multiple of 4");
  pith_model_options options = pith_model_options_default();
  options.threads = -1;
  EXPECT_REFUSED(pith_model_open(path.c_str(), &options, &none, &error), PITH_INVALID, "options.threads");
  options = pith_model_options_default();
  options.struct_bytes = 12;
  EXPECT_REFUSED(pith_model_open(path.c_str(), &options, &none, &error), PITH_INVALID, "struct_bytes is 12");
  options = pith_model_options_default();
  options.kv_tokens = INT64_MAX;
  EXPECT_REFUSED(pith_model_open(path.c_str(), &options, &none, &error), PITH_INVALID, "options.kv_tokens");
  EXPECT(none == nullptr);
  // A sentence that has no room is cut, between two characters.
  std::string name(1, 'x');
  while (name.size() < 3000) name += "é";
  for (const std::string& place : {name, "y" + name}) {
    EXPECT_REFUSED(pith_model_open(place.c_str(), nullptr, &none, &error), PITH_INVALID, "cannot open");
    const std::string told = error.message;
    EXPECT(told.size() >= sizeof(error.message) - 2 && told.substr(told.size() - 2) == "é");
  }
  EXPECT_REFUSED(pith_generate(nullptr, nullptr, nullptr, nullptr, &answer, &error), PITH_INVALID, "model is NULL");
  EXPECT_REFUSED(pith_generate(model, nullptr, nullptr, nullptr, &answer, &error), PITH_INVALID, "request is NULL");
  EXPECT_REFUSED(pith_generate(reinterpret_cast<pith_model*>(adapter), nullptr, nullptr, nullptr, &answer, &error), PITH_INVALID, "no such handle");
  EXPECT(pith_generate(model, nullptr, nullptr, nullptr, &answer, nullptr) == PITH_INVALID);

  const auto refused = [&](const pith_request& request, const char* part) {
    EXPECT_REFUSED(pith_generate(model, &request, nullptr, nullptr, &answer, &error), PITH_INVALID, part);
    EXPECT(answer == nullptr);
  };
  pith_request r = pith_request_default();
  refused(r, "nothing");
  r = Ask("x"), r.prompt = "y";
  refused(r, "several things");
  refused(Ask("\xff"), "request.user is not UTF-8");
  refused(Ask("x", -1), "request.max_tokens");
  refused(Ask("x", 1000), "context");
  EXPECT(Run(model, Ask("x", 0)).tokens.size() < 512);  // 512 are too many for this context, and nobody asked for them
  r = Ask("x"), r.budget_tokens = 8;
  refused(r, "twice the reserve");
  r = Ask("x"), r.think_tokens = 8, r.budget_tokens = 100;
  refused(r, "one of them");
  r = Ask("x"), r.close_text = "\n#### ";
  refused(r, "no effect without");
  r = Ask("x"), r.sentence = "In {budget} tokens.";
  refused(r, "request.sentence has no effect without a budget of tokens");
  r.seconds = 5;
  refused(r, "request.sentence has no effect without a budget of tokens");
  r = Ask("x"), r.score = 1;
  refused(r, "request.score wants an adapter with a verifier, and the base has none");
  r = Ask("x"), r.vote = PITH_VOTE_WEIGHTED, r.chains = 2, r.temperature = 1;
  refused(r, "request.vote: PITH_VOTE_WEIGHTED wants an adapter with a verifier, and the base has none");
  const pith_logit_bias twice[] = {{5, 60}, {6, 1}, {5, 60}};
  r = Ask("x"), r.logit_bias = twice, r.num_logit_bias = 3;
  refused(r, "token 5 twice");
  r = Ask("x"), r.temperature = NAN;
  refused(r, "temperature");
  r = Ask("x"), r.seconds = INFINITY;
  refused(r, "request.seconds");
  r = Ask("x"), r.chains = 3;
  refused(r, "chains at temperature 0");
  r = Ask("x", 0), r.chains = 33, r.temperature = 1, r.budget_tokens = 400, r.reserve_tokens = 1, r.pooled = 1;
  refused(r, "no more than 32 may");
  r = Ask("x"), r.chains = 1 << 30;
  refused(r, "request.chains");
  r = Ask("x"), r.num_stop = 2;
  refused(r, "request.stop is NULL");
  r = Ask("x"), r.num_stop = SIZE_MAX;
  refused(r, "at most");
  const char* stops[] = {"a", nullptr};
  r = Ask("x"), r.stop = stops, r.num_stop = 2;
  refused(r, "request.stop is NULL");
  const int32_t ids[] = {3, 1 << 20};
  r = pith_request_default(), r.prompt_ids = ids, r.num_prompt_ids = 2, r.max_tokens = 4;
  refused(r, "1048576");
  r = Ask("x"), r.stop_ids = ids, r.num_stop_ids = 2;
  refused(r, "stop token");
  r = Ask("x"), r.adapter_scale = 2;
  refused(r, "without request.adapter");
  r = Ask("x"), r.adapter = adapter, r.adapter_scale = NAN;
  refused(r, "request.adapter_scale");
  EXPECT_REFUSED(pith_generate(other, &(r = Ask("x"), r.adapter = adapter, r), nullptr, nullptr, &answer, &error), PITH_INVALID, "another model");
  struct Newer {
    pith_request known;
    int64_t unknown;
  } newer = {Ask("x"), 0};
  newer.known.struct_bytes = sizeof(newer);
  EXPECT_OK(pith_generate(model, &newer.known, nullptr, nullptr, &answer, &error));
  pith_answer_free(answer);
  pith_request older = Ask("x");
  older.struct_bytes = offsetof(pith_request, announcement);  // as its first version ended
  older.vote = 1;                                     // is none of its
  EXPECT_OK(pith_generate(model, &older, nullptr, nullptr, &answer, &error));
  pith_answer_free(answer);
  --older.struct_bytes;
  refused(older, "struct_bytes");
  newer.unknown = 1;
  EXPECT_REFUSED(pith_generate(model, &newer.known, nullptr, nullptr, &answer, &error), PITH_INVALID, "does not have");

  EXPECT_REFUSED(pith_adapter_open(model, path.c_str(), nullptr, &loose, &error), PITH_INVALID, "general.type");
  pith_adapter_options adapter_options = pith_adapter_options_default();
  adapter_options.reserved = 2;
  EXPECT_REFUSED(pith_adapter_open(model, path.c_str(), &adapter_options, &loose, &error), PITH_INVALID, "options.reserved is 2");
  pith_verify_options verify_options = pith_verify_options_default();
  verify_options.reserved = -1;
  pith_verification verification = pith_verification_default();
  EXPECT_REFUSED(pith_verify(adapter, &verify_options, &verification, &error), PITH_INVALID, "options.reserved is -1");
  pith_job* job = nullptr;
  r = Ask("x", 4);
  EXPECT_OK(pith_submit(model, &r, nullptr, &job, &error));
  EXPECT_REFUSED(pith_job_close_now(job, -1, &error), PITH_INVALID, "no budget");
  pith_job_free(job);
  EXPECT_REFUSED(pith_job_wait(nullptr, 0, nullptr, &error), PITH_INVALID, "job is NULL");
  pith_usage usage = pith_usage_default();
  EXPECT_REFUSED(pith_answer_usage(nullptr, 0, &usage, &error), PITH_INVALID, "answer is NULL");
  EXPECT(pith_answer_text(nullptr, 0, nullptr) == nullptr && pith_answer_chains(nullptr) == 0 && pith_conversation_turns(nullptr) == -1);
  pith_adapter_close(nullptr), pith_answer_free(nullptr), pith_job_free(nullptr), pith_conversation_free(nullptr);
  EXPECT(pith_model_close(nullptr) == PITH_OK);
}
