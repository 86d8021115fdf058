#include "runtime/generation/scheduler.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/generation/scheduler_state.h"

namespace pith {

namespace {

double MsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Scheduler::State::State(Engine& engine, const Tokenizer& tokenizer, const SchedulerOptions& options)
    : engine_(engine), tokenizer_(tokenizer), options_(options),
      vocab_(std::min<int64_t>(engine.config().vocab_size, tokenizer.vocab_size())), num_pages_(engine.kv_tokens_free() / Engine::kPageTokens),
      endings_(tokenizer.end_ids().begin(), tokenizer.end_ids().end()), share_(options.max_stall),
      rule_(options.drafter && options.drafter->costs_passes(), options.draft_always) {
  if (options.max_batch < 1) ThrowUser("a batch of ", options.max_batch, " sequences was asked for; give 1 or more");
  if (options.max_stall != 0 && !(options.max_stall > 1)) {
    ThrowUser("prompts were to stall answers for ", options.max_stall, " steps; give 0 (no bound) or more than 1");
  }
  for (const std::string_view tag : {kThinkOpen, kThinkClose}) {
    if (const auto id = tokenizer.FindToken(tag)) tags_.push_back(*id);
  }
  if (const auto close = tokenizer.FindToken(kThinkClose)) endings_.push_back(*close);
}

Scheduler::State::~State() {
  for (const auto& slot : slots_) Leave(*slot);
  for (const auto& root : roots_) {
    if (root->sequence >= 0) engine_.Free(root->sequence);
  }
}

// Its sequence is free again, and nobody drafts for it any more.
void Scheduler::State::Leave(Slot& slot) {
  if (slot.sequence < 0) return;
  if (options_.drafter) options_.drafter->Forget(slot.sequence);
  engine_.Free(slot.sequence);
}

bool Scheduler::State::Step() {
  const auto start = Clock::now();
  ReadInbox();
  Admit();
  const bool all_wait = slots_.empty();
  draws_.clear();
  ForkReady();
  Sample();
  Sweep();
  if (slots_.empty()) Admit();  // prompts that were to be encoded alone have just come to their end, and made room

  if (options_.drafter) DraftTokens();
  rows_.clear();
  size_t drafted = 0;
  for (const auto& slot : slots_) {
    for (size_t i = 0; i < slot->pending.size(); ++i) {
      const bool last = i + 1 == slot->pending.size();
      rows_.push_back({slot->sequence, slot->pending[i], last && slot->phase == Slot::kDecoding, /*drafted=*/false, last && slot->phase == Slot::kChecking});
    }
    for (size_t i = 0; i < slot->drafts.run; ++i) rows_.push_back({slot->sequence, slot->drafts.draft[i], true, /*drafted=*/true});
    drafted += slot->drafts.run;
  }
  const size_t decode_rows = rows_.size();
  AddPrefillRows();
  if (rows_.empty()) {
    if (all_wait && !waiting_.empty()) RefuseFirst();
    const std::lock_guard lock(mutex_);
    return !inbox_.empty() || !waiting_.empty();
  }
  const size_t vocab = static_cast<size_t>(engine_.config().vocab_size);
  const auto wanted = std::count_if(rows_.begin(), rows_.end(), [](const ForwardRow& row) { return row.want_logits; });
  if (logits_.size() < static_cast<size_t>(wanted) * vocab) logits_.resize(static_cast<size_t>(wanted) * vocab);
  const auto d = static_cast<size_t>(engine_.config().d_model);
  hidden_.resize(d * static_cast<size_t>(std::count_if(rows_.begin(), rows_.end(), [](const ForwardRow& row) { return row.want_hidden; })));
  const auto forward = Clock::now();
  engine_.Forward(rows_, logits_.data(), hidden_.data());
  if (options_.drafter && rows_.size() == decode_rows) rule_.NotePass(static_cast<int64_t>(decode_rows), MsSince(forward));

  draws_.clear();
  const float* next = logits_.data();
  std::vector<Slot*> checked;  // in the order of hidden_
  for (const auto& slot : slots_) {
    if (slot->pending.empty()) continue;
    slot->pending.clear();
    if (slot->phase == Slot::kChecking) checked.push_back(slot.get());
    if (slot->phase == Slot::kEnding) GoOnWithCheck(*slot);
    if (slot->phase != Slot::kDecoding) continue;
    draws_.push_back({slot.get(), next, {}});
    slot->drafts.logits = next;
    next += (1 + slot->drafts.run) * vocab;
  }
  Pool(hidden_.data() + checked.size() * d);
  for (Root* root : encoding_) {
    if (root->encoded < static_cast<int64_t>(root->tokens.size())) continue;
    root->logits.assign(next, next + vocab);
    next += vocab;
  }
  Sample();
  if (options_.drafter) SampleDrafts();
  for (size_t i = 0; i < checked.size(); ++i) {
    if (!checked[i]->done) EndCheck(*checked[i], std::span(hidden_).subspan(i * d, d));
  }
  const double ms = MsSince(start);
  if (drafted == 0) share_.Note(decode_rows, rows_.size() - decode_rows, ms);
  ++counts_.steps;
  if (decode_rows > 0) counts_.longest_step_ms = std::max(counts_.longest_step_ms, ms);
  Sweep();
  return true;
}

void Scheduler::State::Take(Slot& slot, SampledToken sampled) {
  if (slot.done) return;  // cancelled by another's callback
  Completion& out = *slot.out;
  const double elapsed_ms = MsSince(slot.admitted);
  const int64_t drawn = static_cast<int64_t>(out.tokens.size() - slot.job->request.response_prefix.size());
  const double pace_ms = drawn > 1 ? (elapsed_ms - out.ttft_ms) / static_cast<double>(drawn) : 0;  // of a token
  if (const ForcedBy by = slot.closer.CloseBefore(sampled.id, elapsed_ms, pace_ms); by != ForcedBy::kNone) {
    const std::vector<int32_t> close = slot.closer.closing_text();
    const int64_t room = slot.limit - static_cast<int64_t>(out.tokens.size());
    out.forced_begin = static_cast<int64_t>(out.tokens.size());
    for (int64_t i = 0; i < std::min<int64_t>(room, static_cast<int64_t>(close.size())); ++i) Push(slot, close[static_cast<size_t>(i)], 0, true);
    out.forced_end = static_cast<int64_t>(out.tokens.size());
    out.usage.forced_by = by;
    slot.closer.Closed();
  } else {
    if (sampled.near_tie) out.near_ties.push_back(static_cast<int64_t>(out.tokens.size()));
    Push(slot, sampled.id, sampled.logprob, false);
    const std::vector<int32_t>& stop_ids = slot.job->request.stop_ids;
    const bool stops = std::find(stop_ids.begin(), stop_ids.end(), sampled.id) != stop_ids.end();
    if (tokenizer_.IsEnd(sampled.id) || stops) return Finish(slot, Finish::kStop);
  }
  if (slot.stop.found() >= 0) return Finish(slot, Finish::kStop);
  if (static_cast<int64_t>(out.tokens.size()) >= slot.closer.Limit(slot.limit) || slot.closer.OutOfTime(elapsed_ms)) Finish(slot, Finish::kLength);
}

void Scheduler::State::Push(Slot& slot, int32_t token, float logprob, bool forced) {
  Completion& out = *slot.out;
  if (out.ttft_ms == 0) out.ttft_ms = MsSince(slot.admitted);
  const bool may_end = !slot.closer.MustGoOn() && !TooShort(slot);
  out.tokens.push_back(token);
  out.logprobs.push_back(logprob);
  const ResponsePart part = slot.closer.Append(token, forced);
  slot.pending.push_back(token);
  ++counts_.generated_tokens;
  const std::vector<int32_t>& stop_ids = slot.job->request.stop_ids;
  if (!tokenizer_.IsControl(token) && !tokenizer_.IsEnd(token)) {
    const std::string_view bytes = tokenizer_.TokenBytes(token);
    if (!forced && std::find(stop_ids.begin(), stop_ids.end(), token) != stop_ids.end()) {
      out.cut_bytes = bytes.size();
    } else {
      if (forced) {
        slot.stop.Break();
      } else if (!may_end) {
        slot.stop.Skip(bytes);
      } else if (slot.stop.Append(bytes)) {
        out.cut_bytes = slot.stop.cut_bytes();
      }
      slot.unsent += bytes;
    }
  }
  Show(slot, token, part);
}

void Scheduler::State::Show(Slot& slot, int32_t token, ResponsePart part) {
  if (!slot.job->callbacks.on_token) {
    slot.unsent.clear();
    return;
  }
  const size_t held = token < 0 && slot.stop.found() < 0 ? 0 : slot.stop.Held();
  const size_t sure = slot.unsent.size() - std::min(held, slot.unsent.size());
  std::string text = slot.stream.Push(std::string_view(slot.unsent).substr(0, sure));
  slot.unsent.erase(0, sure);
  if (token < 0) text += slot.stream.Flush();
  if (token >= 0 || !text.empty()) slot.job->callbacks.on_token({slot.sample, token, part, text});
}

void Scheduler::State::Finish(Slot& slot, pith::Finish finish) {
  Completion& out = *slot.out;
  const auto size = static_cast<int64_t>(out.tokens.size());
  out.finish = finish;
  if (slot.phase != Slot::kDecoding) return Complete(slot);  // cancelled while it was asked
  out.wall_ms = MsSince(slot.admitted);
  out.usage.thinking_tokens = slot.closer.thinking_tokens();
  out.usage.answer_tokens = size - out.usage.thinking_tokens;
  out.usage.forced_tokens = out.announced + (out.forced_begin >= 0 ? out.forced_end - out.forced_begin : 0);
  slot.closer.Finish();
  TakeDrafted(slot);
  Settle(slot);
  Show(slot, -1, slot.closer.progress().thoughts_open() ? ResponsePart::kThinking : ResponsePart::kAnswer);
  if (finish == pith::Finish::kCancelled || slot.job->request.check.ids.empty()) return Complete(slot);
  AskCheck(slot);
}

// Nothing of the completion changes any more.
void Scheduler::State::Complete(Slot& slot) {
  Job& job = *slot.job;
  slot.done = true;
  job.over[static_cast<size_t>(slot.sample)] = true;
  --job.unfinished;
  if (job.callbacks.on_completion && slot.out->finish != pith::Finish::kCancelled) job.callbacks.on_completion(slot.sample, *slot.out);
}

// Ends all samples of a request; Sweep() tells it.
void Scheduler::State::Fail(Job& job, const std::exception_ptr& error) {
  job.failed = error;
  job.unfinished = 0;
  std::fill(job.over.begin(), job.over.end(), true);
  for (const auto& slot : slots_) {
    if (slot->job == &job) slot->done = true;
  }
}

// Drops what is done, and gives its room back.
void Scheduler::State::Sweep() {
  std::erase_if(slots_, [this](const std::unique_ptr<Slot>& slot) {
    if (!slot->done) return false;
    Leave(*slot);
    return true;
  });
  std::erase_if(roots_, [this](const std::unique_ptr<Root>& root) {
    if (root->job->unfinished > 0) return false;
    if (root->sequence >= 0) engine_.Free(root->sequence);
    return true;
  });
  std::vector<std::unique_ptr<Job>> done;
  for (auto* jobs : {&running_, &waiting_}) {
    for (auto& job : *jobs) {
      if (job->unfinished == 0) done.push_back(std::move(job));
    }
    std::erase(*jobs, nullptr);
  }
  std::exception_ptr unheard;
  for (const auto& job : done) {
    if (job->failed && !job->callbacks.on_error) unheard = job->failed;
    if (job->failed && job->callbacks.on_error) job->callbacks.on_error(job->failed);
    if (!job->failed && job->callbacks.on_done) job->callbacks.on_done(std::move(job->results));
  }
  if (unheard) std::rethrow_exception(unheard);
}

void Scheduler::State::FailAll(const std::exception_ptr& error) {
  std::vector<std::unique_ptr<Job>> failed;
  for (auto* jobs : {&running_, &waiting_}) {
    for (auto& job : *jobs) failed.push_back(std::move(job));
    jobs->clear();
  }
  for (const auto& slot : slots_) Leave(*slot);
  slots_.clear();
  for (const auto& root : roots_) {
    if (root->sequence >= 0) engine_.Free(root->sequence);
  }
  roots_.clear();
  for (const auto& job : failed) {
    if (job->callbacks.on_error) job->callbacks.on_error(error);
  }
}

void Scheduler::State::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    bool more = true;
    try {
      more = Step();
    } catch (...) {
      FailAll(std::current_exception());
    }
    if (more) continue;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, stop, [this] { return !inbox_.empty(); });
  }
}

Scheduler::Scheduler(Engine& engine, const Tokenizer& tokenizer, const SchedulerOptions& options)
    : state_(std::make_unique<State>(engine, tokenizer, options)) {}
Scheduler::~Scheduler() = default;

RequestId Scheduler::Submit(GenerateRequest request, RequestCallbacks callbacks) { return state_->Submit(std::move(request), std::move(callbacks)); }
void Scheduler::Cancel(RequestId id, int sample) { state_->Tell(true, id, sample); }
void Scheduler::CloseNow(RequestId id, int sample) { state_->Tell(false, id, sample); }
void Scheduler::Call(std::function<void()> work) { state_->Call(std::move(work)); }
bool Scheduler::Step() { return state_->Step(); }
void Scheduler::Run(std::stop_token stop) { state_->Run(stop); }
void Scheduler::CancelAll() { state_->CancelAll(); }
Scheduler::Counts Scheduler::counts() const { return state_->counts(); }

}  // namespace pith
