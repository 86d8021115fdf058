// Who gets in, and when.
#include <algorithm>

#include "base/error.h"
#include "runtime/generation/scheduler_state.h"
#include "runtime/kv_cache.h"

namespace pith {

namespace {

constexpr int64_t kPage = Engine::kPageTokens;

int64_t Limit(const GenerateRequest& request) {
  if (request.encode_only) return static_cast<int64_t>(request.response_prefix.size());
  return request.budget && request.budget->tokens > 0 ? std::min(request.max_tokens, request.budget->tokens) : request.max_tokens;
}

int64_t RootTokens(const GenerateRequest& request) {
  return static_cast<int64_t>(request.prompt.size() + request.response_prefix.size());
}

}  // namespace

void Scheduler::State::Check(const GenerateRequest& request) const {
  CheckSampling(request.sampling);
  if (request.budget) CheckDecodeBudget(*request.budget, request.max_tokens, request.num_samples);
  const auto prompt = static_cast<int64_t>(request.prompt.size()), prefix = static_cast<int64_t>(request.response_prefix.size());
  const int64_t limit = Limit(request), announced = request.announced;
  PITH_CHECK(announced >= 0 && announced <= prefix, announced, " of ", prefix, " given tokens");
  if (announced > 0 && request.budget && request.budget->tokens > 0) CheckAnnouncement(*request.budget, announced, request.num_samples);
  if (prompt == 0) ThrowUser("a prompt has no tokens; give at least one");
  if (request.max_tokens < 1 && !request.encode_only) ThrowUser("a limit of ", request.max_tokens, " tokens leaves no room to answer; give 1 or more");
  if (request.num_samples < 1) ThrowUser(request.num_samples, " completions were asked for; give 1 or more");
  if (request.invocation_start < 0 || request.invocation_start > prompt) {
    ThrowUser("the invocation begins at token ", request.invocation_start, ", which is not in the prompt of ", prompt,
              " tokens");
  }
  if (prefix > limit) {
    ThrowUser("the response begins with ", prefix, " given tokens, but may have only ", limit, "; raise the limit");
  }
  PITH_CHECK(request.pool_tokens == 0 || (request.encode_only && request.pool_tokens > 0), request.pool_tokens, " tokens to pool");
  const ResponseCheck& ask = request.check;
  if (!ask.ids.empty()) {
    PITH_CHECK(!request.encode_only && (!ask.head || static_cast<int64_t>(ask.head->weights.size()) == engine_.config().d_model));
    for (const auto ids : {std::span(ask.ids), std::span(&ask.end_id, 1)}) {
      for (const int32_t id : ids) {
        if (id < 0 || id >= engine_.config().vocab_size) ThrowUser("token id ", id, " of the check is not in the model's vocabulary of ", engine_.config().vocab_size, " tokens");
      }
    }
  }
  const int64_t context = engine_.config().context_length - request.check.most_tokens();
  if (prompt > context - limit) {
    const std::string with = ask.ids.empty() ? "" : Str(", with a check of ", request.check.most_tokens(), ",");
    ThrowUser("a prompt of ", prompt, " tokens and up to ", limit, " more", with, " do not fit the model's context of ", engine_.config().context_length,
              " tokens; shorten the prompt or lower the limit");
  }
  for (const auto* ids : {&request.prompt, &request.response_prefix}) {
    for (int32_t id : *ids) {
      if (id >= 0 && id < engine_.config().vocab_size) continue;
      ThrowUser("token id ", id, " is not in the model's vocabulary of ", engine_.config().vocab_size, " tokens");
    }
  }
  if (request.budget) {
    for (const auto* ids : {&request.budget->close_ids, &request.budget->think_close_ids}) {
      for (int32_t id : *ids) {
        if (id < 0 || id >= vocab_) ThrowUser("token id ", id, " of the closing text is not in the model's vocabulary");
      }
    }
    if (request.budget->pooled && request.num_samples > options_.max_batch) {
      ThrowUser("a pooled budget needs its ", request.num_samples, " chains to run together, but no more than ", options_.max_batch, " may; ask for fewer");
    }
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty()) ThrowUser("a stop text is empty; give at least one character");
  }
  for (int32_t id : request.stop_ids) {
    if (id < 0 || id >= vocab_) ThrowUser("the stop token ", id, " is not in the model's vocabulary of ", vocab_, " tokens");
  }
  for (const auto& [id, bias] : request.sampling.logit_bias) {
    if (id >= vocab_) ThrowUser("logit_bias names the token ", id, ", which is not in the model's vocabulary of ", vocab_, " tokens");
  }
  const int64_t together = request.budget && request.budget->pooled ? request.num_samples : 1;
  if (RootPages(request) + together * OwnPages(request) > num_pages_) {
    ThrowUser("a prompt of ", prompt, " tokens and up to ", limit, " more do not fit the KV cache, which has room for ",
              num_pages_ * kPage, " tokens; make it larger or lower the limit");
  }
}

int64_t Scheduler::State::RootPages(const GenerateRequest& request) const { return KvCache::PagesFor(RootTokens(request)); }

// Beside the root's: whole pages of the prompt are shared by its samples; its last page, when it is not whole, is copied by each of
// them. A single sample goes on in the root's own.
int64_t Scheduler::State::OwnPages(const GenerateRequest& request) const {
  const int64_t tokens = RootTokens(request);
  return KvCache::PagesFor(static_cast<int64_t>(request.prompt.size()) + Limit(request) + request.check.most_tokens()) - (request.num_samples == 1 ? KvCache::PagesFor(tokens) : tokens / kPage);
}

RequestId Scheduler::State::Submit(GenerateRequest request, RequestCallbacks callbacks) {
  Check(request);
  auto job = std::make_unique<Job>();
  const auto prompt = std::span<const int32_t>(request.prompt), generation = prompt.subspan(static_cast<size_t>(request.invocation_start));
  std::vector<int32_t> before(generation.empty() ? prompt.begin() : generation.begin(), prompt.end());
  before.insert(before.end(), request.response_prefix.begin(), request.response_prefix.begin() + request.announced);
  job->thoughts = ThoughtsAtEnd(tokenizer_, before);
  job->unfinished = request.num_samples;
  job->results.resize(static_cast<size_t>(request.num_samples));
  job->over.resize(job->results.size());
  job->close_asked.resize(job->results.size());
  for (size_t i = 0; i < job->results.size(); ++i) {
    job->results[i].sample = static_cast<int>(i);
    job->results[i].prompt_opens_thoughts = job->thoughts == Thoughts::kOpen;
  }
  if (request.budget && request.budget->pooled) {
    job->pool.open = request.num_samples;
    job->pool.left = request.budget->tokens - request.num_samples * request.budget->answer_reserve();
  }
  job->request = std::move(request);
  job->callbacks = std::move(callbacks);
  RequestId id;
  {
    const std::lock_guard lock(mutex_);
    id = job->id = next_id_++;
    inbox_.push_back({Message::kSubmit, id, -1, std::move(job)});
  }
  wake_.notify_all();
  return id;
}

void Scheduler::State::Tell(bool cancel, RequestId id, int sample) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back({cancel ? Message::kCancel : Message::kCloseNow, id, sample, nullptr});
  }
  wake_.notify_all();
}

void Scheduler::State::Call(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back({Message::kCall, 0, -1, nullptr, std::move(work)});
  }
  wake_.notify_all();
}

void Scheduler::State::ReadInbox() {
  std::vector<Message> messages;
  {
    const std::lock_guard lock(mutex_);
    messages.swap(inbox_);
  }
  for (Message& message : messages) {
    if (message.kind == Message::kSubmit) {
      waiting_.push_back(std::move(message.job));
      continue;
    }
    if (message.kind == Message::kCall) continue;
    Job* job = Find(message.id);
    if (job == nullptr) continue;  // done already
    if (message.kind == Message::kCancel) {
      Cancel(*job, message.sample);
      continue;
    }
    for (size_t i = 0; i < job->close_asked.size(); ++i) {
      if (message.sample < 0 || static_cast<size_t>(message.sample) == i) job->close_asked[i] = true;
    }
    for (const auto& slot : slots_) {
      if (slot->job == job && job->close_asked[static_cast<size_t>(slot->sample)]) slot->closer.CloseNow();
    }
  }
  if (!messages.empty()) Sweep();
  for (Message& message : messages) {  // last: one of them may read the inbox again
    if (message.kind == Message::kCall) message.work();
  }
}

Scheduler::State::Job* Scheduler::State::Find(RequestId id) {
  for (const auto* jobs : {&running_, &waiting_}) {
    for (const auto& job : *jobs) {
      if (job->id == id) return job.get();
    }
  }
  return nullptr;
}

void Scheduler::State::Cancel(Job& job, int sample) {
  for (const auto& slot : slots_) {
    if (slot->job == &job && !slot->done && (sample < 0 || slot->sample == sample)) Finish(*slot, Finish::kCancelled);
  }
  for (int i = job.admitted; i < static_cast<int>(job.over.size()); ++i) {
    if (job.over[static_cast<size_t>(i)] || (sample >= 0 && i != sample)) continue;
    job.over[static_cast<size_t>(i)] = true;
    job.results[static_cast<size_t>(i)].finish = Finish::kCancelled;
    --job.unfinished;
  }
}

void Scheduler::State::CancelAll() {
  ReadInbox();
  for (const auto* jobs : {&running_, &waiting_}) {
    for (const auto& job : *jobs) Cancel(*job, -1);
  }
  Sweep();
}

// Pages that are neither in use nor wanted by who runs for its longest course. What sequences share is charged once: it is in use.
int64_t Scheduler::State::PagesFree() const {
  int64_t free = engine_.kv_tokens_free() / kPage;
  for (const auto& root : roots_) {
    if (root->sequence >= 0) free -= engine_.PagesToGrow(root->sequence, static_cast<int64_t>(root->tokens.size()));
  }
  for (const auto& slot : slots_) {
    const GenerateRequest& request = slot->job->request;
    free -= slot->sequence < 0 ? OwnPages(request) : engine_.PagesToGrow(slot->sequence, static_cast<int64_t>(request.prompt.size()) + slot->limit + request.check.most_tokens());
  }
  return free;
}

// The next completion in line, or all of a pooled budget; false when it has to wait.
bool Scheduler::State::AdmitNext() {
  if (waiting_.empty()) return false;
  Job& job = *waiting_.front();
  const auto all = static_cast<int>(job.over.size());
  while (job.admitted < all && job.over[static_cast<size_t>(job.admitted)]) ++job.admitted;  // cancelled before
  if (job.admitted < all) {
    const bool first = roots_.empty() || roots_.back()->job != &job;
    const int together = job.pooled() ? all : 1;
    if (slots_.size() + static_cast<size_t>(together) > static_cast<size_t>(options_.max_batch)) return false;
    if (first) AddRoot(job);
    if (together * OwnPages(job.request) > PagesFree()) {
      if (first) {
        engine_.Free(roots_.back()->sequence);
        roots_.pop_back();
      }
      return false;
    }
    for (int i = 0; i < together; ++i) {
      if (!job.over[static_cast<size_t>(job.admitted)]) AddSlot(job);
      ++job.admitted;
    }
  }
  while (job.admitted < all && job.over[static_cast<size_t>(job.admitted)]) ++job.admitted;
  if (job.admitted == all) {
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return true;
}

// Nothing runs, and still there is no room: somebody else holds the cache.
void Scheduler::State::RefuseFirst() {
  const std::unique_ptr<Job> job = std::move(waiting_.front());
  waiting_.pop_front();
  const std::string why = Str("a prompt of ", job->request.prompt.size(), " tokens and its answer do not fit what is free of the KV cache (",
                              engine_.kv_tokens_free(), " tokens); free sequences, or make the cache larger");
  if (!job->callbacks.on_error) throw UserError(why);
  job->callbacks.on_error(std::make_exception_ptr(UserError(why)));
}

void Scheduler::State::AddSlot(Job& job) {
  const GenerateRequest& request = job.request;
  Completion* out = &job.results[static_cast<size_t>(job.admitted)];
  slots_.push_back(std::make_unique<Slot>(
      Slot{.job = &job, .root = roots_.back().get(), .sample = job.admitted, .limit = Limit(request),
           .closer = Closer(&tokenizer_, request.budget ? &*request.budget : nullptr, job.thoughts, request.sampling.seed,
                            request.first_sample + static_cast<uint64_t>(job.admitted), job.pooled() ? &job.pool : nullptr),
           .stop = StopText(&request.stop), .stream = {}, .unsent = {}, .pending = {}, .out = out, .admitted = Clock::now()}));
  Slot& slot = *slots_.back();
  out->tokens = request.response_prefix;
  out->logprobs.assign(out->tokens.size(), 0.0f);
  out->announced = request.announced;
  slot.closer.Announced(request.announced);
  if (job.close_asked[static_cast<size_t>(slot.sample)]) slot.closer.CloseNow();
  for (const int32_t token : out->said()) slot.closer.Append(token, false);
  if (request.encode_only) return;
  const auto announced = std::span(request.response_prefix).first(job.callbacks.on_token ? static_cast<size_t>(request.announced) : 0);
  for (const int32_t token : announced) job.callbacks.on_token({slot.sample, token, ResponsePart::kForced, {}});
  if (!out->tokens.empty() && tokenizer_.IsEnd(out->tokens.back())) {
    Finish(slot, Finish::kStop);
  } else if (static_cast<int64_t>(out->tokens.size()) >= slot.closer.Limit(slot.limit)) {
    Finish(slot, Finish::kLength);
  }
}

void Scheduler::State::Admit() {
  while (AdmitNext()) Sweep();
}

}  // namespace pith
