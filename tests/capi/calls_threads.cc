// Several threads, callbacks, two models.
#include <chrono>
#include <thread>

#include "calls.h"

void Threads(pith_model* model) {
  {  // cancelled from another thread
    Gate gate;
    const pith_callbacks callbacks = gate.Callbacks();
    const pith_request request = Ask("Count.", 200);
    pith_job* job = nullptr;
    EXPECT_OK(pith_submit(model, &request, &callbacks, &job, &error));
    gate.Reach();
    EXPECT_REFUSED(pith_job_wait(job, 0, nullptr, &error), PITH_TIMEOUT, "not done");
    std::thread([job] { EXPECT(pith_job_cancel(job, -1, nullptr) == PITH_OK); }).join();
    EXPECT_REFUSED(pith_job_cancel(job, 1, &error), PITH_INVALID, "chain 1");
    gate.Open();
    pith_answer *answer = nullptr, *again = nullptr;
    EXPECT_OK(pith_job_wait(job, -1, &answer, &error));
    EXPECT_OK(pith_job_wait(job, 0, &again, &error));
    EXPECT(UsageOf(answer).finish == PITH_FINISH_CANCELLED && Of(answer).tokens.size() <= 2 && Of(again) == Of(answer));
    EXPECT(gate.dones == 1);
    pith_answer_free(answer), pith_answer_free(again);
    pith_job_free(job);
  }
  {  // by its own callback
    pith_answer* answer = nullptr;
    const pith_request request = Ask("Count.", 200);
    int left = 3;
    const auto stop = [](void* data, const pith_token*) { return --*static_cast<int*>(data) == 0 ? 1 : 0; };
    EXPECT_OK(pith_generate(model, &request, stop, &left, &answer, &error));
    EXPECT(left == 0 && Of(answer).tokens.size() <= 4 && UsageOf(answer).finish == PITH_FINISH_CANCELLED);
    pith_answer_free(answer);
  }
  {  // its thoughts closed when asked for
    Gate gate;
    const pith_callbacks callbacks = gate.Callbacks();
    pith_request request = Ask("Count.", 60);
    request.closable = 1;
    request.min_think_tokens = 0;
    pith_job* job = nullptr;
    EXPECT_OK(pith_submit(model, &request, &callbacks, &job, &error));
    gate.Reach();
    EXPECT_OK(pith_job_close_now(job, -1, &error));
    gate.Open();
    pith_answer* answer = nullptr;
    EXPECT_OK(pith_job_wait(job, 60, &answer, &error));
    const pith_usage usage = UsageOf(answer);
    EXPECT(usage.forced == 1 && usage.forced_by == PITH_FORCED_BY_REQUEST && usage.forced_tokens > 0);
    EXPECT(usage.thinking_tokens + usage.answer_tokens == static_cast<int64_t>(Of(answer).tokens.size()));
    pith_answer_free(answer);
    pith_job_free(job);
  }
  {  // … before they have begun: one waits behind the other's callback
    Gate gate;
    const pith_callbacks callbacks = gate.Callbacks();
    pith_request request = Ask("Count.", 60);
    request.closable = 1;
    request.chains = 2;
    request.temperature = 1;
    pith_job *first = nullptr, *second = nullptr;
    EXPECT_OK(pith_submit(model, &request, &callbacks, &first, &error));
    gate.Reach();
    EXPECT_OK(pith_submit(model, &request, nullptr, &second, &error));
    EXPECT_OK(pith_job_close_now(second, 1, &error));
    gate.Open();
    pith_answer* answer = nullptr;
    EXPECT_OK(pith_job_wait(second, -1, &answer, &error));
    EXPECT(UsageOf(answer, 0).forced == 0 && UsageOf(answer, 1).forced_by == PITH_FORCED_BY_REQUEST);
    pith_answer_free(answer);
    pith_job_free(first), pith_job_free(second);
  }
  {  // by a callback that throws, which nobody could catch
    pith_answer* answer = nullptr;
    const pith_request request = Ask("Count.", 200);
    int left = 3;
    const auto fail = [](void* data, const pith_token*) -> int {
      if (--*static_cast<int*>(data) == 0) throw 7;
      return 0;
    };
    EXPECT_REFUSED(pith_generate(model, &request, fail, &left, &answer, &error), PITH_INTERNAL, "callback threw");
    EXPECT(left == 0 && answer == nullptr);
  }
  {  // who waits may rely on what on_done did
    std::atomic<bool> told{false};
    pith_callbacks callbacks = pith_callbacks_default();
    callbacks.user_data = &told;
    callbacks.on_done = [](void* data, int32_t, const pith_answer* answer, const char*) {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      pith_answer_free(const_cast<pith_answer*>(answer));  // is lent: nothing happens
      *static_cast<std::atomic<bool>*>(data) = pith_answer_chains(answer) == 1;
    };
    const pith_request request = Ask("One.", 4);
    pith_job* job = nullptr;
    EXPECT_OK(pith_submit(model, &request, &callbacks, &job, &error));
    EXPECT_OK(pith_job_wait(job, -1, nullptr, &error));
    EXPECT(told);
    pith_job_free(job);
  }
  {  // freed: no callback any more
    Gate gate;
    const pith_callbacks callbacks = gate.Callbacks();
    const pith_request request = Ask("Count.", 200);
    pith_job* job = nullptr;
    EXPECT_OK(pith_submit(model, &request, &callbacks, &job, &error));
    gate.Reach();
    std::thread opener([&gate] { gate.Open(); });
    pith_job_free(job);
    const int tokens = gate.tokens, dones = gate.dones;
    opener.join();
    Run(model, Ask("One.", 4));
    EXPECT(gate.tokens == tokens && gate.dones == dones && dones <= 1);
  }
  struct Inside {
    pith_model* model;
    pith_status generate, close, wait, cancel, memory;
    pith_job* second;
  } inside = {model, PITH_OK, PITH_OK, PITH_OK, PITH_OK, PITH_OK, nullptr};
  const auto from_inside = [](void* data, const pith_token*) {
    auto* in = static_cast<Inside*>(data);
    if (in->second != nullptr) return 0;
    const pith_request request = Ask("And?", 4);
    pith_answer* answer = nullptr;
    pith_memory memory = pith_memory_default();
    in->generate = pith_generate(in->model, &request, nullptr, nullptr, &answer, nullptr);
    in->close = pith_model_close(in->model);
    in->cancel = pith_submit(in->model, &request, nullptr, &in->second, nullptr);
    in->wait = pith_job_wait(in->second, 1, nullptr, nullptr);
    in->memory = pith_model_get_memory(in->model, &memory, nullptr);
    return 0;
  };
  const pith_request request = Ask("One.", 4);
  pith_answer* answer = nullptr;
  EXPECT_OK(pith_generate(model, &request, from_inside, &inside, &answer, &error));
  pith_answer_free(answer);
  EXPECT(inside.generate == PITH_IN_CALLBACK && inside.close == PITH_IN_CALLBACK && inside.wait == PITH_IN_CALLBACK);
  EXPECT(inside.cancel == PITH_OK && inside.memory == PITH_OK);
  EXPECT_OK(pith_job_wait(inside.second, -1, &answer, &error));
  pith_answer_free(answer);
  pith_job_free(inside.second);
}

void TwoAtOnce(pith_model* one, pith_model* two, const Result& alone) {
  std::vector<std::thread> threads;
  std::atomic<int> same{0};
  for (pith_model* model : {one, two, one, two}) {
    threads.emplace_back([&, model] {
      for (int i = 0; i < 5; ++i) {
        const pith_request request = Ask("What is 12 times 7?");
        pith_answer* answer = nullptr;
        if (pith_generate(model, &request, nullptr, nullptr, &answer, nullptr) == PITH_OK && Of(answer) == alone) ++same;
        pith_answer_free(answer);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(same == 20);
}
