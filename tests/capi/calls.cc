// calls MODEL ADAPTER: what the C API promises beyond one request, by its header alone. Prints "N checks hold"; nothing on stderr.
#include <fcntl.h>
#include <pith.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

int checks = 0;

#define EXPECT(condition)                                                     \
  do {                                                                        \
    ++checks;                                                                 \
    if (!(condition)) {                                                       \
      std::printf("%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                           \
    }                                                                         \
  } while (0)

pith_error error;
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

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

pith_request Ask(const char* user, int64_t max_tokens = 24) {
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

Result Of(const pith_answer* answer, int chain = 0) {
  size_t n = 0, m = 0;
  const int32_t* ids = pith_answer_tokens(answer, chain, &n);
  const float* logprobs = pith_answer_logprobs(answer, chain, &m);
  return {{ids, ids + n}, {logprobs, logprobs + m}};
}

pith_usage UsageOf(const pith_answer* answer, int chain = 0) {
  pith_usage usage = pith_usage_default();
  EXPECT_OK(pith_answer_usage(answer, chain, &usage, &error));
  return usage;
}

Result Run(pith_model* model, const pith_request& request) {
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

void Words() {
  EXPECT(std::strlen(pith_version()) >= 5 && pith_abi() == PITH_ABI);
  EXPECT(std::string(pith_status_name(PITH_IN_CALLBACK)) == "in callback" && std::string(pith_status_name(-7)) == "unknown");
  EXPECT(std::string(pith_part_name(PITH_FORCED)) == "forced" && std::string(pith_part_name(99)) == "unknown");
  EXPECT(std::string(pith_finish_name(PITH_FINISH_LENGTH)) == "length" && std::string(pith_forced_by_name(PITH_FORCED_BY_LOOP)) == "loop");
}

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
  r = Ask("x"), r.budget_tokens = 8;
  refused(r, "twice the reserve");
  r = Ask("x"), r.think_tokens = 8, r.budget_tokens = 100;
  refused(r, "one of them");
  r = Ask("x"), r.close_text = "\n#### ";
  refused(r, "no effect without");
  r = Ask("x"), r.temperature = NAN;
  refused(r, "temperature");
  r = Ask("x"), r.seconds = INFINITY;
  refused(r, "request.seconds");
  r = Ask("x"), r.chains = 3;
  refused(r, "chains at temperature 0");
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
  newer.unknown = 1;
  EXPECT_REFUSED(pith_generate(model, &newer.known, nullptr, nullptr, &answer, &error), PITH_INVALID, "does not have");

  EXPECT_REFUSED(pith_adapter_open(model, path.c_str(), nullptr, &loose, &error), PITH_INVALID, "general.type");
  EXPECT_REFUSED(pith_job_wait(nullptr, 0, nullptr, &error), PITH_INVALID, "job is NULL");
  pith_usage usage = pith_usage_default();
  EXPECT_REFUSED(pith_answer_usage(nullptr, 0, &usage, &error), PITH_INVALID, "answer is NULL");
  EXPECT(pith_answer_text(nullptr, 0, nullptr) == nullptr && pith_answer_chains(nullptr) == 0 && pith_conversation_turns(nullptr) == -1);
  pith_adapter_close(nullptr), pith_answer_free(nullptr), pith_job_free(nullptr), pith_conversation_free(nullptr);
  EXPECT(pith_model_close(nullptr) == PITH_OK);
}

// The same file out of another one, and out of memory, answers as it does by its path.
void Sources(const std::string& path, const std::string& adapter_path, const Result& base, const Result& adapted) {
  const std::string file = Slurp(path), adapter_file = Slurp(adapter_path), padding(5000, 'P');
  const std::string archive = "archive.bin";
  std::ofstream(archive, std::ios::binary) << padding << file << padding << adapter_file << padding;
  const int fd = ::open(archive.c_str(), O_RDONLY);
  std::vector<uint64_t> held(file.size() / 8 + 1), adapter_held(adapter_file.size() / 8 + 1);
  std::memcpy(held.data(), file.data(), file.size());
  std::memcpy(adapter_held.data(), adapter_file.data(), adapter_file.size());
  const size_t gap = (4 - (padding.size() + file.size() + padding.size()) % 4) % 4;
  EXPECT(gap == 0);
  for (const bool from_memory : {false, true}) {
    pith_model* model = nullptr;
    pith_adapter* adapter = nullptr;
    if (from_memory) {
      EXPECT_OK(pith_model_open_memory(held.data(), file.size(), nullptr, &model, &error));
      EXPECT_OK(pith_adapter_open_memory(model, adapter_held.data(), adapter_file.size(), nullptr, &adapter, &error));
    } else {
      EXPECT_REFUSED(pith_model_open_fd(fd, 4998, file.size(), nullptr, &model, &error), PITH_INVALID, "multiple of 4");
      EXPECT_REFUSED(pith_model_open_fd(fd, 1u << 30, 0, nullptr, &model, &error), PITH_INVALID, "from byte");
      EXPECT_OK(pith_model_open_fd(fd, padding.size(), file.size(), nullptr, &model, &error));
      EXPECT_OK(pith_adapter_open_fd(model, fd, 2 * padding.size() + file.size(), adapter_file.size(), nullptr, &adapter, &error));
    }
    EXPECT(Run(model, Ask("What is 12 times 7?")) == base);
    pith_request request = Ask("What is 12 times 7?");
    request.adapter = adapter;
    EXPECT(Run(model, request) == adapted);
    pith_adapter_close(adapter);
    EXPECT(pith_model_close(model) == PITH_OK);
  }
  ::close(fd);
  ::unlink(archive.c_str());
}

void Adapters(pith_model* model, pith_adapter* adapter, const std::string& path) {
  pith_adapter_info info = pith_adapter_info_default();
  EXPECT_OK(pith_adapter_get_info(adapter, &info, &error));
  EXPECT(info.bytes > 0 && info.rank == 8 && info.always == 0 && std::strlen(info.base_sha256) == 64);
  pith_adapter_options options = pith_adapter_options_default();
  options.name = "second";
  pith_adapter* second = nullptr;
  EXPECT_OK(pith_adapter_open(model, path.c_str(), &options, &second, &error));
  pith_adapter* listed[4] = {};
  size_t count = 0;
  EXPECT_OK(pith_model_list_adapters(model, listed, 4, &count, &error));
  EXPECT(count == 2 && listed[0] == adapter && listed[1] == second);
  EXPECT_OK(pith_adapter_get_info(second, &info, &error));
  EXPECT(std::string(info.name) == "second");
  pith_adapter_close(second);
  EXPECT_OK(pith_model_list_adapters(model, nullptr, 0, &count, &error));
  EXPECT(count == 1);

  pith_request request = Ask("What is 12 times 7?");
  request.adapter = adapter;
  const Result whole = Run(model, request);
  request.adapter_scale = 1;
  EXPECT(Run(model, request) == whole);
  request.adapter_scale = 0.5;
  const Result half = Run(model, request);
  EXPECT(!(half == whole));
  EXPECT(Run(model, request) == half);
  request.adapter_scale = 1e-30;  // is next to nothing
  EXPECT(Run(model, request).tokens == Run(model, Ask("What is 12 times 7?")).tokens);
}

// A budget told by forced tokens at the response's beginning.
void Announced(pith_model* model, pith_adapter* adapter) {
  pith_request request = Ask("What is 12 times 7?", 0);
  request.adapter = adapter;
  request.budget_tokens = 80;
  const Result untold = Run(model, request);
  request.announcement = "budget {budget}:";
  int32_t ids[64];
  size_t count = 0;
  EXPECT_OK(pith_tokenize(model, "budget 80:", 0, ids, 64, &count, &error));
  struct Seen {
    size_t forced = 0;
    std::string text;
    static int OnToken(void* self, const pith_token* token) {
      auto* seen = static_cast<Seen*>(self);
      if (token->part == PITH_FORCED && seen->text.empty()) ++seen->forced;
      seen->text += token->text;
      return 0;
    }
  } seen;
  pith_answer* answer = nullptr;
  EXPECT_OK(pith_generate(model, &request, Seen::OnToken, &seen, &answer, &error));
  const Result told = Of(answer);
  const pith_usage usage = UsageOf(answer);
  EXPECT(usage.announced_tokens == static_cast<int64_t>(count) && usage.forced_tokens >= usage.announced_tokens && seen.forced >= count);
  EXPECT(told.tokens.size() > count && std::equal(ids, ids + count, told.tokens.begin()) && !(told == untold));
  EXPECT(usage.thinking_tokens + usage.answer_tokens == static_cast<int64_t>(told.tokens.size()) && told.tokens.size() <= 80);
  EXPECT(std::string(pith_answer_text(answer, 0, nullptr)).find("budget 80:") == std::string::npos && seen.text.find("budget 80:") == std::string::npos);
  EXPECT(std::string(pith_answer_kept(answer, 0, nullptr)).find("budget 80:") == std::string::npos);
  pith_answer_free(answer);

  pith_request of_before = request;  // a program that was built before there was this field
  of_before.struct_bytes = offsetof(pith_request, announcement);
  EXPECT(Run(model, of_before) == untold);
  request.announcement = "";
  EXPECT(Run(model, request) == untold);
  request.announcement = "budget {budget}:";
  request.encode_only = 1;
  EXPECT(Run(model, request).tokens.empty());
  request.encode_only = 0;
  const auto refused = [&](const pith_request& r, const char* part) { EXPECT_REFUSED(pith_generate(model, &r, nullptr, nullptr, &answer, &error), PITH_INVALID, part); };
  pith_request r = request;
  r.adapter = nullptr;
  refused(r, "the base has learned none");
  r = request, r.sentence = "In {budget} tokens.";
  refused(r, "both tell the budget");
  r = request, r.budget_tokens = 0;
  refused(r, "without a budget of tokens");
  r = request, r.announcement = "\xff";
  refused(r, "not UTF-8");
  r = request, r.announcement = "{budget}<|im_end|>";
  refused(r, "ends a response");
}

void Conversations(pith_model* model, pith_adapter* adapter) {
  pith_conversation_options options = pith_conversation_options_default();
  options.system = "You are terse.";
  pith_conversation *conversation = nullptr, *other = nullptr;
  EXPECT_OK(pith_conversation_open(model, &options, &conversation, &error));
  EXPECT_OK(pith_conversation_open(model, &options, &other, &error));
  pith_request request = Ask("One?", 12);
  request.conversation = conversation;
  request.adapter = adapter;
  pith_answer *first = nullptr, *second = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &first, &error));
  EXPECT_REFUSED(pith_conversation_keep(other, first, 0, &error), PITH_INVALID, "not of a question");
  EXPECT_REFUSED(pith_conversation_keep(conversation, first, 1, &error), PITH_INVALID, "chain 1");
  EXPECT_OK(pith_conversation_keep(conversation, first, 0, &error));
  EXPECT_REFUSED(pith_conversation_keep(conversation, first, 0, &error), PITH_INVALID, "gone on");
  EXPECT(pith_conversation_turns(conversation) == 1);

  // A turn that is brought back as text is the same turn.
  EXPECT_OK(pith_conversation_add(other, "One?", pith_answer_kept(first, 0, nullptr), &error));
  request.user = "Two?";
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &second, &error));
  request.conversation = other;
  EXPECT(Run(model, request) == Of(second));
  EXPECT(UsageOf(second).prompt_tokens > UsageOf(first).prompt_tokens);

  pith_request ahead = pith_request_default();
  ahead.conversation = conversation;
  EXPECT_REFUSED(pith_submit(model, &ahead, nullptr, nullptr, &error), PITH_INVALID, "job is NULL");
  ahead.encode_only = 1;
  EXPECT(Run(model, ahead).tokens.empty());

  EXPECT_OK(pith_conversation_drop_last(conversation, &error));
  EXPECT_OK(pith_conversation_drop_last(conversation, &error));
  EXPECT_OK(pith_conversation_forget(other, &error));
  EXPECT(pith_conversation_turns(conversation) == 0 && pith_conversation_turns(other) == 0);
  pith_answer_free(first), pith_answer_free(second);
  pith_conversation_free(conversation), pith_conversation_free(other);
}

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

// Two models at once answer as each does alone.
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

void Chains(pith_model* model) {
  pith_request request = Ask("What is 12 times 7?");
  request.chains = 3;
  request.temperature = 1;
  pith_answer *answer = nullptr, *again = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &answer, &error));
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &again, &error));
  EXPECT(pith_answer_chains(answer) == 3 && !(Of(answer, 0) == Of(answer, 1)));
  for (int i = 0; i < 3; ++i) EXPECT(Of(answer, i) == Of(again, i));
  EXPECT(pith_answer_text(answer, 3, nullptr) == nullptr && pith_answer_tokens(answer, -1, nullptr) == nullptr);
  pith_answer_free(answer), pith_answer_free(again);
}

void Text(pith_model* model) {
  int32_t ids[64];
  size_t count = 0;
  EXPECT_OK(pith_tokenize(model, "hello <|im_end|>", 1, ids, 64, &count, &error));
  std::string back;
  for (size_t i = 0; i < count; ++i) {
    const char* bytes = nullptr;
    size_t size = 0;
    EXPECT_OK(pith_token_bytes(model, ids[i], &bytes, &size, &error));
    back.append(bytes, size);
  }
  EXPECT(back == "hello <|im_end|>");
  const size_t parsed = count;
  EXPECT_OK(pith_tokenize(model, "hello <|im_end|>", 0, nullptr, 0, &count, &error));
  EXPECT(count > parsed);
  const char* bytes = nullptr;
  size_t size = 0;
  EXPECT_REFUSED(pith_token_bytes(model, -1, &bytes, &size, &error), PITH_INVALID, "token -1");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
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
  Text(model);
  pith_memory memory = pith_memory_default();
  EXPECT_OK(pith_model_get_memory(other, &memory, &error));
  EXPECT(memory.weights_mapped_bytes > 0 && memory.kv_bytes > 0 && memory.scratch_bytes > 0 && memory.kv_tokens == 4096 && memory.kv_tokens_free == 4096);

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
