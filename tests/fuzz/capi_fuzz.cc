// The C API, called at random: an input is a list of calls with their arguments, on a tiny model and on handles that earlier calls gave.
// Whatever is asked, a status comes back, with a sentence where it is no success; nothing aborts, hangs or is lost. Handles are not used
// once they are freed, and structs have the size that they name: what no library can tell.
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/model/base_model.h"
#include "export/prove.h"
#include "runtime/pith.h"
#include "tests/fuzz/reading.h"

namespace pith::fuzz {
namespace {

constexpr size_t kMostBytes = 1 << 10, kMostHandles = 3;
constexpr int kMostCalls = 48;

const std::string kFolder = PITH_TEST_GOLDEN "/tiny-llama", kAlora = PITH_TEST_GOLDEN "/tiny-alora";

class Source {
 public:
  Source(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  uint8_t Byte() { return at_ < size_ ? data_[at_++] : 0; }
  size_t Below(size_t bound) { return Byte() % bound; }
  bool Rarely() { return Byte() % 16 == 15; }

  int64_t Integer() {
    constexpr int64_t kUnusual[] = {0, 1, 2, 3, 8, 16, 40, 64, 96, 200, 512, 1000, -1, -2, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1 << 20, 100'000'000};
    return kUnusual[Below(std::size(kUnusual))];
  }
  double Number() {
    constexpr double kUnusual[] = {0, 1, 0.5, 0.9, 2, -1, 1e-9, 100, 1e9, -0.0, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
    return kUnusual[Below(std::size(kUnusual))];
  }
  const char* Text() {
    static const std::string kLong(3000, 'x');
    const char* const kTexts[] = {"What is 12 times 7?", "", "a", "<think>", "</think>\n", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "\n#### ", "\xff\xfe", "\xf0\x9f\x98\x80é", "{budget} tokens",
                                  "{\"enable_thinking\": false}", "{", "2024-07-26", "all", "0", "7-2", "\x01\x1b[0m", kLong.c_str(), nullptr};
    return kTexts[Below(std::size(kTexts))];
  }

 private:
  const uint8_t* data_;
  size_t size_, at_ = 0;
};

// A struct of the interface in a place that is as large as any size that is tried.
template <class T>
struct Padded {
  union {
    T value;
    char bytes[8192];
  };
  Padded() { std::memset(bytes, 0, sizeof(bytes)); }
  T* Sized(Source& in) {
    const size_t kSizes[] = {sizeof(T), sizeof(T), sizeof(T), sizeof(T), 0, 8, sizeof(T) - 1, sizeof(T) + 8, 4096, 4097, SIZE_MAX};
    value.struct_bytes = in.Rarely() ? kSizes[in.Below(std::size(kSizes))] : sizeof(T);
    if (in.Rarely()) bytes[sizeof(T)] = 1;
    return in.Rarely() ? nullptr : &value;
  }
};

struct Files {
  ScratchFolder folder;
  std::string adapter = folder / "alora.gguf";
  std::string bytes;
  std::vector<uint64_t> held;  // the same, aligned

  Files() {
    const std::shared_ptr<const BaseModel> base = BaseModel::Load(kFolder);
    ModelConfig config = base->config();
    config.rope = config.gguf_rope;  // a file has the rows of GGUF bases
    LoraAdapter lora = ReadPeft(kAlora);
    lora.proof = ProveByEngine(base, lora);
    PackedAdapter::FromLora(lora, config, TensorType::kF16)->WriteGguf(adapter);
    std::ifstream in(adapter, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
    held.resize(bytes.size() / 8 + 1);
    std::memcpy(held.data(), bytes.data(), bytes.size());
  }
};

const Files& TheFiles() {
  static const Files files;
  return files;
}

struct Seen {
  pith_model* model = nullptr;
  int behaviour = 0;
  std::atomic<int> tokens{0}, dones{0};
};

class Calls {
 public:
  explicit Calls(Source in) : in_(in) {}

  void Run() {
    OpenModel();
    for (int i = 0; i < kMostCalls && !in_.empty(); ++i) Call();
    while (!jobs_.empty()) FreeJob(0);
    for (pith_answer* answer : answers_) pith_answer_free(answer);
    const bool model_first = in_.Byte() % 2 == 0;
    if (model_first) CloseModels();
    for (pith_conversation* conversation : conversations_) pith_conversation_free(conversation);
    for (pith_adapter* adapter : adapters_) pith_adapter_close(adapter);
    CloseModels();
  }

 private:
  static int OnToken(void* data, const pith_token* token) {
    auto* seen = static_cast<Seen*>(data);
    PITH_FUZZ_EXPECT(token->struct_bytes == sizeof(*token) && token->text != nullptr && std::strlen(token->text) <= token->text_bytes);
    const int n = ++seen->tokens;
    if (seen->behaviour == 1 && n == 2) return 1;
    if (seen->behaviour == 2 && n == 1) {
      PITH_FUZZ_EXPECT(pith_model_close(seen->model) == PITH_IN_CALLBACK);
      pith_request request = pith_request_default();
      request.user = "And?";
      request.max_tokens = 2;
      pith_job* job = nullptr;
      pith_answer* answer = nullptr;
      const pith_status inside = pith_generate(seen->model, &request, nullptr, nullptr, &answer, nullptr);
      PITH_FUZZ_EXPECT(inside == PITH_IN_CALLBACK && answer == nullptr);
      (void)pith_submit(seen->model, &request, nullptr, &job, nullptr);
      pith_job_free(job);
      (void)pith_model_cancel(seen->model, nullptr);
    }
    return 0;
  }
  static void OnDone(void* data, int32_t status, const pith_answer* answer, const char* message) {
    PITH_FUZZ_EXPECT((status == PITH_OK) == (answer != nullptr) && message != nullptr);
    ++static_cast<Seen*>(data)->dones;
  }

  // What came back can be told to people.
  pith_status Expect(pith_status status) {
    PITH_FUZZ_EXPECT(status >= PITH_OK && status <= PITH_IN_CALLBACK);
    if (error_.status == -1) return status;  // it was not given the error
    PITH_FUZZ_EXPECT(error_.status == status && std::memchr(error_.message, 0, sizeof(error_.message)) != nullptr);
    if (status == PITH_OK) PITH_FUZZ_EXPECT(error_.message[0] == '\0');
    else CheckSentence(error_.message);
    PITH_FUZZ_EXPECT(status != PITH_INTERNAL);
    return status;
  }
  pith_error* Error() {
    error_.status = -1;
    return in_.Rarely() ? nullptr : &error_;
  }

  template <class T>
  T* Any(const std::vector<T*>& handles) {
    return handles.empty() || in_.Rarely() ? nullptr : handles[in_.Below(handles.size())];
  }

  void CloseModels() {
    for (pith_model* model : models_) PITH_FUZZ_EXPECT(pith_model_close(model) == PITH_OK);
    models_.clear();
  }

  void OpenModel() {
    if (models_.size() >= 2) return;
    Padded<pith_model_options> options;
    options.value.threads = 1;
    options.value.kv_tokens = 2048;
    for (size_t i = in_.Below(3); i > 0 && in_.Rarely(); --i) {
      switch (in_.Below(8)) {
        case 0: options.value.cpus = in_.Text(); break;
        case 1: options.value.threads = in_.Byte() % 4 == 0 ? -1 : static_cast<int32_t>(in_.Below(4)); break;
        case 2: options.value.activations = static_cast<int32_t>(in_.Integer()); break;
        case 3: options.value.kv_type = static_cast<int32_t>(in_.Integer()); break;
        case 4: options.value.max_batch = static_cast<int32_t>(in_.Integer()); break;
        case 5: options.value.kv_tokens = in_.Integer(); break;
        case 6: options.value.max_stall = in_.Number(); break;
        default: options.value.template_now = in_.Text(), options.value.template_kwargs = in_.Text();
      }
    }
    pith_model* model = nullptr;
    const Files& files = TheFiles();
    pith_model_options* given = options.Sized(in_);
    switch (in_.Rarely() ? in_.Below(4) : 3) {
      case 0: Expect(pith_model_open(in_.Text(), given, &model, Error())); break;
      case 1: Expect(pith_model_open_memory(files.held.data(), files.bytes.size() - in_.Byte(), given, &model, Error())); break;
      case 2: Expect(pith_model_open_fd(static_cast<int>(in_.Integer() % 2) - 1, static_cast<uint64_t>(in_.Integer()), 0, given, &model, Error())); break;
      default: Expect(pith_model_open(kFolder.c_str(), given, in_.Rarely() ? nullptr : &model, Error()));
    }
    if (model != nullptr) models_.push_back(model);
  }

  void OpenAdapter() {
    if (adapters_.size() >= kMostHandles) return;
    const Files& files = TheFiles();
    Padded<pith_adapter_options> options;
    options.value.name = in_.Text();
    options.value.any_base = in_.Byte() % 2;
    pith_adapter_options* given = options.Sized(in_);
    pith_adapter* adapter = nullptr;
    pith_model* model = Any(models_);
    switch (in_.Below(3)) {
      case 0: Expect(pith_adapter_open(model, in_.Rarely() ? in_.Text() : files.adapter.c_str(), given, &adapter, Error())); break;
      case 1: {
        const int fd = ::open(files.adapter.c_str(), O_RDONLY | O_CLOEXEC);
        const auto integer = [&] { return in_.Rarely() ? static_cast<uint64_t>(in_.Integer()) : 0; };
        const uint64_t offset = integer(), bytes = integer();
        Expect(pith_adapter_open_fd(model, fd, offset, bytes, given, &adapter, Error()));
        ::close(fd);
        break;
      }
      default: Expect(pith_adapter_open_memory(model, files.held.data(), files.bytes.size() - (in_.Rarely() ? in_.Byte() : 0), given, &adapter, Error()));
    }
    if (adapter != nullptr) adapters_.push_back(adapter);
  }

  void OpenConversation() {
    if (conversations_.size() >= kMostHandles) return;
    Padded<pith_conversation_options> options;
    options.value.system = in_.Text();
    if (in_.Rarely()) options.value.template_kwargs = in_.Text();
    if (in_.Rarely()) options.value.template_now = in_.Text();
    options.value.adapter = Any(adapters_);
    pith_conversation* conversation = nullptr;
    Expect(pith_conversation_open(Any(models_), options.Sized(in_), &conversation, Error()));
    if (conversation != nullptr) conversations_.push_back(conversation);
  }

  // Fields of the request that is at hand, up to so many.
  pith_request* Request(Padded<pith_request>& padded) {
    pith_request& r = padded.value;
    r.user = "What is 12 times 7?";
    r.max_tokens = 8;
    for (size_t i = in_.Below(8); i > 0; --i) {
      switch (in_.Below(29)) {
        case 0: r.user = in_.Text(); break;
        case 1: r.user = nullptr, r.prompt = in_.Text(); break;
        case 2: r.user = nullptr, r.prompt_ids = ids_, r.num_prompt_ids = in_.Rarely() ? static_cast<size_t>(in_.Integer()) % 3 * (SIZE_MAX / 2) : in_.Below(std::size(ids_) + 1); break;
        case 3: r.conversation = Any(conversations_); break;
        case 4: r.system = in_.Text(); break;
        case 5: case 6: r.adapter = Any(adapters_); break;
        case 7: r.adapter_scale = in_.Number(); break;
        case 8: r.chains = static_cast<int32_t>(in_.Integer()), r.temperature = 1; if (r.chains > 3 && r.chains <= 256) r.chains = 3; break;
        case 9: r.encode_only = in_.Byte() % 2; break;
        case 10: r.max_tokens = in_.Integer(); break;
        case 11: case 12: r.budget_tokens = in_.Integer(), r.max_tokens = 0; break;
        case 13: r.think_tokens = in_.Integer(), r.answer_tokens = in_.Integer(), r.max_tokens = 0; break;
        case 14: r.reserve_tokens = in_.Integer(); break;
        case 15: r.min_think_tokens = in_.Integer(); break;
        case 16: r.seconds = in_.Number(); break;
        case 17: r.pooled = in_.Byte() % 2; break;
        case 18: r.closable = in_.Byte() % 2; break;
        case 19: r.close_text = in_.Text(); break;
        case 20: (in_.Byte() % 2 == 0 ? r.sentence : r.announcement) = in_.Text(); break;
        case 21: r.temperature = in_.Number(), r.top_p = in_.Number(), r.min_p = in_.Number(), r.top_k = in_.Integer(); break;
        case 22: r.seed = static_cast<uint64_t>(in_.Integer()); break;
        case 23: r.repetition_penalty = in_.Number(); break;
        case 24: r.presence_penalty = in_.Number(), r.frequency_penalty = in_.Number(); break;
        case 25:
          for (pith_logit_bias& bias : bias_) bias = {static_cast<int32_t>(in_.Integer()), static_cast<float>(in_.Number())};
          r.logit_bias = in_.Rarely() ? nullptr : bias_, r.num_logit_bias = in_.Rarely() ? SIZE_MAX : in_.Below(3);
          break;
        case 26: r.chains = 3, r.temperature = 1, r.vote = static_cast<int32_t>(in_.Integer()); break;
        case 27:
          for (const char*& stop : stops_) stop = in_.Text();
          r.stop = in_.Rarely() ? nullptr : stops_, r.num_stop = in_.Rarely() ? SIZE_MAX : in_.Below(3);
          break;
        default:
          for (int32_t& id : ids_) id = in_.Rarely() ? static_cast<int32_t>(in_.Integer()) : static_cast<int32_t>(in_.Byte()) + 3;
          r.stop_ids = in_.Rarely() ? nullptr : ids_, r.num_stop_ids = in_.Rarely() ? SIZE_MAX : in_.Below(4);
      }
    }
    return padded.Sized(in_);
  }

  void Generate() {
    Padded<pith_request> padded;
    const pith_request* request = Request(padded);
    Seen seen;
    seen.model = Any(models_);
    seen.behaviour = static_cast<int>(in_.Below(3));
    pith_answer* answer = nullptr;
    const pith_status status = Expect(pith_generate(seen.model, request, in_.Byte() % 2 ? OnToken : nullptr, &seen, in_.Rarely() ? nullptr : &answer, Error()));
    PITH_FUZZ_EXPECT((status == PITH_OK) == (answer != nullptr));
    Hold(answer);
  }

  void Submit() {
    if (jobs_.size() >= kMostHandles) return;
    Padded<pith_request> padded;
    const pith_request* request = Request(padded);
    auto seen = std::make_unique<Seen>();
    seen->model = Any(models_);
    seen->behaviour = static_cast<int>(in_.Below(3));
    Padded<pith_callbacks> callbacks;
    callbacks.value.on_token = in_.Byte() % 2 ? OnToken : nullptr;
    callbacks.value.on_done = in_.Byte() % 2 ? OnDone : nullptr;
    callbacks.value.user_data = seen.get();
    pith_job* job = nullptr;
    Expect(pith_submit(seen->model, request, callbacks.Sized(in_), &job, Error()));
    if (job == nullptr) return;
    jobs_.push_back(job);
    seen_.push_back(std::move(seen));
  }

  void FreeJob(size_t i) {
    pith_job_free(jobs_[i]);
    const int tokens = seen_[i]->tokens, dones = seen_[i]->dones;
    PITH_FUZZ_EXPECT(dones <= 1);
    gone_.push_back({std::move(seen_[i]), tokens, dones});
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
    seen_.erase(seen_.begin() + static_cast<std::ptrdiff_t>(i));
    for (const Gone& gone : gone_) PITH_FUZZ_EXPECT(gone.seen->tokens == gone.tokens && gone.seen->dones == gone.dones);
  }

  void Hold(pith_answer* answer) {
    if (answer == nullptr) return;
    for (int32_t chain = -1; chain <= pith_answer_chains(answer); ++chain) {
      size_t bytes = 0, kept = 0, tokens = 0, logprobs = 0;
      const char* text = pith_answer_text(answer, chain, &bytes);
      (void)pith_answer_kept(answer, chain, &kept);
      (void)pith_answer_tokens(answer, chain, &tokens);
      (void)pith_answer_logprobs(answer, chain, &logprobs);
      pith_usage usage = pith_usage_default();
      const bool is_one = pith_answer_usage(answer, chain, &usage, nullptr) == PITH_OK;
      PITH_FUZZ_EXPECT(is_one == (text != nullptr) && (is_one || bytes + kept + tokens + logprobs == 0));
      if (!is_one) continue;
      PITH_FUZZ_EXPECT(tokens == logprobs && usage.thinking_tokens >= 0 && usage.answer_tokens >= 0 && usage.announced_tokens >= 0 && usage.forced_tokens >= usage.announced_tokens);
      if (usage.finish != PITH_FINISH_CANCELLED) PITH_FUZZ_EXPECT(static_cast<size_t>(usage.thinking_tokens + usage.answer_tokens) == tokens);
      PITH_FUZZ_EXPECT((usage.forced != 0) == (usage.forced_by != PITH_FORCED_BY_NONE));
    }
    pith_vote vote = pith_vote_default();
    PITH_FUZZ_EXPECT(pith_answer_vote(answer, &vote, nullptr) == PITH_OK && vote.answer != nullptr && vote.votes <= vote.voters);
    PITH_FUZZ_EXPECT((vote.votes > 0 || vote.answer_bytes == 0) && vote.voters <= pith_answer_chains(answer) && vote.chain < std::max(1, pith_answer_chains(answer)));
    if (answers_.size() < kMostHandles) return answers_.push_back(answer);
    pith_answer_free(answer);
  }

  void Call() {
    switch (in_.Below(26)) {
      case 0: return OpenModel();
      case 1:
        if (in_.Byte() % 4 == 0 && !models_.empty()) {
          while (!jobs_.empty() && in_.Byte() % 2) FreeJob(0);
          PITH_FUZZ_EXPECT(pith_model_close(models_.back()) == PITH_OK);
          models_.pop_back();
        }
        return;
      case 2: return OpenAdapter();
      case 3:
        if (!adapters_.empty()) pith_adapter_close(adapters_.back()), adapters_.pop_back();
        return;
      case 4: return OpenConversation();
      case 5:
        if (!conversations_.empty()) pith_conversation_free(conversations_.back()), conversations_.pop_back();
        return;
      case 6: Expect(pith_conversation_add(Any(conversations_), in_.Text(), in_.Text(), Error())); return;
      case 7: Expect(pith_conversation_drop_last(Any(conversations_), Error())); return;
      case 8: Expect(pith_conversation_forget(Any(conversations_), Error())); return;
      case 9: Expect(pith_conversation_keep(Any(conversations_), Any(answers_), static_cast<int32_t>(in_.Below(4)) - 1, Error())); return;
      case 10: case 11: case 12: return Generate();
      case 13: case 14: return Submit();
      case 15: {
        pith_answer* answer = nullptr;
        const double seconds = in_.Number();
        Expect(pith_job_wait(Any(jobs_), seconds, in_.Rarely() ? nullptr : &answer, Error()));
        return Hold(answer);
      }
      case 16: Expect(pith_job_cancel(Any(jobs_), static_cast<int32_t>(in_.Below(5)) - 2, Error())); return;
      case 17: Expect(pith_job_close_now(Any(jobs_), static_cast<int32_t>(in_.Below(5)) - 2, Error())); return;
      case 18:
        if (!jobs_.empty()) FreeJob(in_.Below(jobs_.size()));
        return;
      case 19:
        if (!answers_.empty()) pith_answer_free(answers_.back()), answers_.pop_back();
        return;
      case 20: {
        Padded<pith_memory> memory;
        Expect(pith_model_get_memory(Any(models_), memory.Sized(in_), Error()));
        Padded<pith_model_info> info;
        Expect(pith_model_get_info(Any(models_), info.Sized(in_), Error()));
        Padded<pith_adapter_info> adapter;
        Expect(pith_adapter_get_info(Any(adapters_), adapter.Sized(in_), Error()));
        Padded<pith_usage> usage;
        Expect(pith_answer_usage(Any(answers_), static_cast<int32_t>(in_.Integer()), usage.Sized(in_), Error()));
        return;
      }
      case 21: {
        size_t count = 0;
        Expect(pith_tokenize(Any(models_), in_.Text(), in_.Byte() % 2, in_.Rarely() ? nullptr : ids_, in_.Below(std::size(ids_) + 1), in_.Rarely() ? nullptr : &count, Error()));
        const char* bytes = nullptr;
        Expect(pith_token_bytes(Any(models_), static_cast<int32_t>(in_.Integer()), &bytes, in_.Rarely() ? nullptr : &count, Error()));
        return;
      }
      case 22: {
        pith_adapter* listed[2];
        size_t count = 0;
        Expect(pith_model_list_adapters(Any(models_), in_.Rarely() ? nullptr : listed, in_.Below(3), &count, Error()));
        const char* sha256 = nullptr;
        Expect(pith_model_identity(Any(models_), &sha256, Error()));
        if (in_.Byte() % 2 == 0) return;
        const std::string file = TheFiles().folder / "conversation.kv";
        const char* const path = in_.Rarely() ? in_.Rarely() ? nullptr : TheFiles().adapter.c_str() : file.c_str();
        Expect(pith_conversation_save_kv(Any(conversations_), path, Error()));
        int64_t tokens = 0;
        const pith_status loaded = Expect(pith_model_load_kv(Any(models_), path, in_.Rarely() ? nullptr : &tokens, Error()));
        PITH_FUZZ_EXPECT(tokens >= 0 && (loaded == PITH_OK || tokens == 0));
        return;
      }
      case 23: {
        int64_t freed = 0;
        Expect(pith_model_trim(Any(models_), in_.Integer(), in_.Rarely() ? nullptr : &freed, Error()));
        PITH_FUZZ_EXPECT(freed >= 0);
        Padded<pith_vote> vote;
        Expect(pith_answer_vote(Any(answers_), vote.Sized(in_), Error()));
        return;
      }
      case 24: {
        Padded<pith_verify_options> options;
        options.value.as_run = in_.Byte() % 2;
        Padded<pith_verification> verification;
        if (Expect(pith_verify(Any(adapters_), options.Sized(in_), verification.Sized(in_), Error())) != PITH_OK) return;
        PITH_FUZZ_EXPECT(verification.value.verdict <= PITH_WITHIN_QUANTISATION && verification.value.num_findings == 0);
        return;
      }
      default:
        Expect(pith_model_cancel(Any(models_), Error()));
        PITH_FUZZ_EXPECT(pith_status_name(static_cast<int32_t>(in_.Integer())) != nullptr && pith_part_name(static_cast<int32_t>(in_.Integer())) != nullptr && pith_verdict_name(static_cast<int32_t>(in_.Integer())) != nullptr);
        PITH_FUZZ_EXPECT(pith_finish_name(static_cast<int32_t>(in_.Integer())) != nullptr && pith_forced_by_name(static_cast<int32_t>(in_.Integer())) != nullptr);
    }
  }

  struct Gone {
    std::unique_ptr<Seen> seen;
    int tokens, dones;
  };
  Source in_;
  pith_error error_ = {};
  std::vector<pith_model*> models_;
  std::vector<pith_adapter*> adapters_;
  std::vector<pith_conversation*> conversations_;
  std::vector<pith_job*> jobs_;
  std::vector<std::unique_ptr<Seen>> seen_;  // of each job
  std::vector<Gone> gone_;
  std::vector<pith_answer*> answers_;
  int32_t ids_[6] = {1, 67, 270, 280, 86, 201};
  pith_logit_bias bias_[2] = {};
  const char* stops_[2] = {};
};

}  // namespace
}  // namespace pith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > pith::fuzz::kMostBytes) return 0;
  pith::fuzz::Calls(pith::fuzz::Source(data, size)).Run();
  return 0;
}
