// What the parts of `calls` share: checks that count, a request and what came of it, and a callback that waits. By pith.h alone.
#pragma once

#include <pith.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

inline int checks = 0;
inline pith_error error;

#define EXPECT(condition)                                                     \
  do {                                                                        \
    ++checks;                                                                 \
    if (!(condition)) {                                                       \
      std::printf("%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                           \
    }                                                                         \
  } while (0)

#define EXPECT_OK(call)                                              \
  do {                                                               \
    const pith_status got = (call);                                  \
    if (got != PITH_OK) std::printf("%s: %s\n", #call, error.message); \
    EXPECT(got == PITH_OK);                                          \
  } while (0)
// Refused, with a sentence in which `part` stands.
#define EXPECT_REFUSED(call, wanted, part)                                   \
  do {                                                                       \
    const pith_status got = (call);                                          \
    const bool told = std::strstr(error.message, part) != nullptr;           \
    if (!told) std::printf("%s says '%s'\n", #call, error.message);          \
    EXPECT(got == (wanted) && error.status == (wanted) && told);             \
  } while (0)

inline std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline pith_request Ask(const char* user, int64_t max_tokens = 24) {
  pith_request request = pith_request_default();
  request.user = user;
  request.max_tokens = max_tokens;
  return request;
}

struct Result {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  bool operator==(const Result& other) const {
    return tokens == other.tokens && logprobs.size() == other.logprobs.size() &&
           std::memcmp(logprobs.data(), other.logprobs.data(), logprobs.size() * sizeof(float)) == 0;
  }
};

inline Result Of(const pith_answer* answer, int chain = 0) {
  size_t n = 0, m = 0;
  const int32_t* ids = pith_answer_tokens(answer, chain, &n);
  const float* logprobs = pith_answer_logprobs(answer, chain, &m);
  return {{ids, ids + n}, {logprobs, logprobs + m}};
}

inline pith_usage UsageOf(const pith_answer* answer, int chain = 0) {
  pith_usage usage = pith_usage_default();
  EXPECT_OK(pith_answer_usage(answer, chain, &usage, &error));
  return usage;
}

inline Result Run(pith_model* model, const pith_request& request) {
  pith_answer* answer = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &answer, &error));
  const Result result = Of(answer);
  pith_answer_free(answer);
  return result;
}

// A callback that stops at its first token until it is let go.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false, open = false;
  std::atomic<int> tokens{0}, dones{0};
  pith_model* model = nullptr;  // that on_done tries to close
  pith_status closed_inside = PITH_OK;

  static int OnToken(void* self, const pith_token*) {
    auto* gate = static_cast<Gate*>(self);
    ++gate->tokens;
    std::unique_lock<std::mutex> lock(gate->mutex);
    gate->reached = true;
    gate->changed.notify_all();
    gate->changed.wait(lock, [gate] { return gate->open; });
    return 0;
  }
  static void OnDone(void* self, int32_t, const pith_answer*, const char*) {
    auto* gate = static_cast<Gate*>(self);
    ++gate->dones;
    if (gate->model != nullptr) gate->closed_inside = pith_model_close(gate->model);
  }
  void Reach() {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [this] { return reached; });
  }
  void Open() {
    const std::lock_guard<std::mutex> lock(mutex);
    open = true;
    changed.notify_all();
  }
  pith_callbacks Callbacks() {
    pith_callbacks callbacks = pith_callbacks_default();
    callbacks.on_token = OnToken;
    callbacks.on_done = OnDone;
    callbacks.user_data = this;
    return callbacks;
  }
};

// Each exits with a sentence where a check does not hold.
void Words();
void Mistakes(const std::string& path, pith_model* model, pith_model* other, pith_adapter* adapter);
// The same file out of another one, and out of memory, answers as it does by its path.
void Sources(const std::string& path, const std::string& adapter_path, const Result& base, const Result& adapted);
void Adapters(pith_model* model, pith_adapter* adapter, const std::string& path);
void Announced(pith_model* model, pith_adapter* adapter);
void Conversations(pith_model* model, pith_adapter* adapter);
void Threads(pith_model* model);
// Two models at once answer as each does alone.
void TwoAtOnce(pith_model* one, pith_model* two, const Result& alone);
void Chains(pith_model* model);
void Text(pith_model* model);
// An adapter's proof, replayed; and an adapter whose values are no numbers.
void Proofs(pith_model* model, pith_adapter* adapter);
void ABrokenAdapter(pith_model* model, const std::string& path);
void Votes(pith_model* model);
// By the adapter at `path`, which has a verifier.
void Scores(pith_model* model, pith_adapter* without, const std::string& path);
void Auto(pith_model* model, pith_adapter* without, const std::string& path);
void Memory(pith_model* model);
void Logs(const std::string& path);
void Kv(const std::string& path);
