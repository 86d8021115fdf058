#include "runtime/capi/model.h"

#include <algorithm>
#include <future>

#include "base/cpu_clusters.h"
#include "runtime/capi/guard.h"

namespace pith::capi {
namespace {

constexpr int64_t kDefaultKvTokens = 8192, kMostKvTokens = 1 << 24;
constexpr int kDefaultBatch = 32, kMostBatch = 1024, kMostThreads = 1024;

std::vector<int> CpusOf(const pith_model_options& options) {
  const std::vector<int> allowed = AllowedCpus();
  if (options.cpus == nullptr) return CpusForThreads(options.threads, allowed);
  const std::string text = Text(options.cpus, "options.cpus");
  if (text == "all") return {};
  std::vector<int> cpus = ParseCpus("options.cpus", text);
  for (const int cpu : cpus) {
    if (!std::binary_search(allowed.begin(), allowed.end(), cpu)) ThrowUser("options.cpus: this process may not use CPU ", cpu, "; it has ", CpusText(allowed));
  }
  return cpus;
}

}  // namespace

ModelSettings ReadSettings(const pith_model_options* given) {
  const pith_model_options options = ReadStruct(given, "options");
  CheckCount(options.threads, 0, kMostThreads, "options.threads");
  CheckCount(options.activations, 0, 2, "options.activations");
  CheckCount(options.kv_type, 0, 2, "options.kv_type");
  CheckCount(options.max_batch, 0, kMostBatch, "options.max_batch");
  CheckCount(options.kv_tokens, 0, kMostKvTokens, "options.kv_tokens");
  CheckCount(options.kv_max_bytes, 0, INT64_MAX, "options.kv_max_bytes");
  ModelSettings settings;
  settings.sink = SinkOf(options.log, options.log_user_data);
  settings.cpus = CpusOf(options);
  settings.engine.num_threads = options.threads;
  settings.engine.activations = options.activations == PITH_ACTIVATIONS_F32    ? ActivationType::kF32
                                : options.activations == PITH_ACTIVATIONS_BF16 ? ActivationType::kBF16
                                                                               : ActivationType::kInt8;
  settings.engine.kv_type = options.kv_type == PITH_KV_F32 ? KvType::kF32 : options.kv_type == PITH_KV_INT8 ? KvType::kInt8 : KvType::kF16;
  settings.engine.kv_tokens = options.kv_tokens == 0 ? kDefaultKvTokens : options.kv_tokens;
  settings.engine.kv_max_bytes = options.kv_max_bytes;
  settings.scheduler.max_batch = options.max_batch == 0 ? kDefaultBatch : options.max_batch;
  settings.scheduler.max_stall = options.max_stall;
  settings.template_now = OptionalText(options.template_now, "options.template_now");
  settings.template_kwargs = OptionalText(options.template_kwargs, "options.template_kwargs");
  return settings;
}

void WarnOfUnused(const ChatTemplate& chat, const std::string& now, const std::string& kwargs) {
  if (!now.empty() && !chat.TellsTime()) LogWarning("options.template_now has no effect with this model, whose chat template asks for no time");
  if (kwargs.empty()) return;
  const std::vector<std::string> unused = chat.UnusedKwargs();
  if (!unused.empty()) LogWarning(Str("options.template_kwargs gives ", unused.front(), ", which the model's chat template does not ask for"));
}

Model::Model(std::shared_ptr<const BaseModel> base, ModelSettings settings) : base_(std::move(base)), settings_(std::move(settings)) {
  const GgufFile* gguf = base_->gguf();
  tokenizer_ = gguf != nullptr ? Tokenizer::FromGguf(*gguf) : Tokenizer::Load(base_->path());
  std::unique_ptr<ChatTemplate> chat;
  try {
    chat = gguf != nullptr ? ChatTemplate::FromGguf(*gguf) : ChatTemplate::Load(base_->path());
  } catch (const UserError& error) {  // raw prompts go without
    no_prompter_ = error.what();
    return;
  }
  chat->SetNow(settings_.template_now);
  chat->SetKwargs(settings_.template_kwargs);
  WarnOfUnused(*chat, settings_.template_now, settings_.template_kwargs);
  prompter_ = Prompter::FromParts(tokenizer_, std::move(chat), base_->path());
}

const Prompter& Model::prompter() const {
  if (!prompter_) throw UserError(no_prompter_);
  return *prompter_;
}

const std::string& Model::identity() {
  const std::lock_guard lock(identity_mutex_);
  if (identity_.empty()) identity_ = base_->Identity();
  return identity_;
}

int64_t Model::vocabulary() const { return std::min<int64_t>(base_->config().vocab_size, tokenizer_->vocab_size()); }

void Model::Start() {
  std::promise<void> started;
  auto ready = started.get_future();
  const auto tell = [&started](std::exception_ptr error) { error ? started.set_exception(error) : started.set_value(); };
  thread_ = std::jthread([this, tell](std::stop_token stop) { Run(stop, tell); });
  thread_id_ = thread_.get_id();
  try {
    ready.get();
  } catch (...) {
    thread_.join();
    throw;
  }
  const std::lock_guard lock(mutex_);
  closed_ = false;
}

void Model::TakeCpus() const {
  if (settings_.cpus.empty() || RunOn(settings_.cpus)) return;
  LogWarning(Str("the system does not let threads choose CPUs ", CpusText(settings_.cpus), "; going on without"));
}

// The engine is made here, so that its threads have this one's CPUs and the caller's keeps its own.
void Model::Run(std::stop_token stop, const std::function<void(std::exception_ptr)>& started) {
  const LogScope scope(&settings_.sink);
  try {
    TakeCpus();
    engine_ = std::make_unique<Engine>(base_, settings_.engine);
    scheduler_ = std::make_unique<Scheduler>(*engine_, *tokenizer_, settings_.scheduler);
  } catch (...) {
    scheduler_.reset();
    engine_.reset();
    return started(std::current_exception());
  }
  started(nullptr);
  while (!stop.stop_requested()) {
    try {
      scheduler_->Run(stop);
    } catch (...) {  // no memory even to say so
      LogWarning(Str("the model's thread failed: ", CurrentFailure().sentence));
    }
  }
  try {
    scheduler_->CancelAll();
  } catch (...) {
  }
  scheduler_.reset();
  engine_.reset();
}

void Model::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  const std::unique_lock idle(beside_);
}

bool Model::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

Scheduler& Model::Open() {
  if (closed_) throw StatusError(PITH_CLOSED, "the model is closed");
  return *scheduler_;
}

RequestId Model::Submit(GenerateRequest request, RequestCallbacks callbacks) {
  const std::lock_guard lock(mutex_);
  return Open().Submit(std::move(request), std::move(callbacks));
}

void Model::Cancel(RequestId id, int chain) {
  const std::lock_guard lock(mutex_);
  Open().Cancel(id, chain);
}

void Model::CloseNow(RequestId id, int chain) {
  const std::lock_guard lock(mutex_);
  Open().CloseNow(id, chain);
}

void Model::CancelAll() {
  const std::lock_guard lock(mutex_);
  Scheduler& scheduler = Open();
  scheduler.Call([&scheduler] { scheduler.CancelAll(); });
}

void Model::Call(const std::function<void(Engine&)>& work) {
  if (InOwnThread()) return work(*engine_);
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> result = done->get_future();
  {
    const std::lock_guard lock(mutex_);
    Open().Call([this, done = std::move(done), &work] {
      try {
        work(*engine_);
        done->set_value();
      } catch (...) {
        done->set_exception(std::current_exception());
      }
    });
  }
  try {
    result.get();
  } catch (const std::future_error&) {  // the thread ended before
    throw StatusError(PITH_CLOSED, "the model was closed");
  }
}

void Model::Beside(const std::function<void()>& work) {
  const std::shared_lock running(beside_);
  if (closed()) throw StatusError(PITH_CLOSED, "the model is closed");
  std::exception_ptr error;
  std::thread([&] {
    const LogScope scope(&settings_.sink);
    try {
      TakeCpus();
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

void Model::AddAdapter(pith_adapter* adapter) {
  const std::lock_guard lock(mutex_);
  adapters_.push_back(adapter);
}

void Model::RemoveAdapter(pith_adapter* adapter) {
  const std::lock_guard lock(mutex_);
  std::erase(adapters_, adapter);
}

std::vector<pith_adapter*> Model::adapters() const {
  const std::lock_guard lock(mutex_);
  return adapters_;
}

}  // namespace pith::capi
