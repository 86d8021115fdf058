#include "runtime/generate_schedule.h"

#include <algorithm>

#include "base/error.h"
#include "data/text/response_text.h"

namespace pith {

namespace {

constexpr int64_t kPage = Engine::kPageTokens;
constexpr size_t kStepRows = 512;     // rows of one forward pass, prompts and decoding together
constexpr size_t kPromptRows = 256;  // but at least so many for prompts

int64_t PagesFor(int64_t tokens) { return (tokens + kPage - 1) / kPage; }

double MsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

int64_t Limit(const GenerateRequest& request) {
  return request.budget ? std::min(request.max_tokens, request.budget->tokens) : request.max_tokens;
}

int64_t RootTokens(const GenerateRequest& request) {
  return static_cast<int64_t>(request.prompt.size() + request.response_prefix.size());
}

}  // namespace

GenerateSchedule::GenerateSchedule(Engine& engine, const Tokenizer& tokenizer,
                                   std::span<const GenerateRequest> requests, const GenerateOptions& options)
    : engine_(engine), tokenizer_(tokenizer), requests_(requests), options_(options),
      vocab_(std::min<int64_t>(engine.config().vocab_size, tokenizer.vocab_size())), pages_left_(engine.kv_tokens_free() / kPage) {
  if (options.max_batch < 1) ThrowUser("a batch of ", options.max_batch, " sequences was asked for; give 1 or more");
  for (const GenerateRequest& request : requests) {
    Check(request);
    results_.emplace_back(static_cast<size_t>(request.num_samples));
    const bool opens_thoughts = OpensThoughts(tokenizer, request.prompt);
    for (Completion& completion : results_.back()) completion.prompt_opens_thoughts = opens_thoughts;
    num_total_ += request.num_samples;
  }
}

GenerateSchedule::~GenerateSchedule() {
  for (const auto& slot : slots_) {
    if (slot->sequence >= 0) engine_.Free(slot->sequence);
  }
  for (const auto& root : roots_) {
    if (root->sequence >= 0) engine_.Free(root->sequence);
  }
}

void GenerateSchedule::Check(const GenerateRequest& request) const {
  CheckSampling(request.sampling);
  if (request.budget) CheckDecodeBudget(*request.budget, request.max_tokens);
  const int64_t prompt = static_cast<int64_t>(request.prompt.size());
  const int64_t prefix = static_cast<int64_t>(request.response_prefix.size());
  const int64_t limit = Limit(request);
  if (prompt == 0) ThrowUser("a prompt has no tokens; give at least one");
  if (request.max_tokens < 1) ThrowUser("a limit of ", request.max_tokens, " tokens leaves no room to answer; give 1 or more");
  if (request.num_samples < 1) ThrowUser(request.num_samples, " completions were asked for; give 1 or more");
  if (request.invocation_start < 0 || request.invocation_start > prompt) {
    ThrowUser("the invocation begins at token ", request.invocation_start, ", which is not in the prompt of ", prompt,
              " tokens");
  }
  if (prefix > limit) {
    ThrowUser("the response begins with ", prefix, " given tokens, but may have only ", limit, "; raise the limit");
  }
  const int64_t context = engine_.config().context_length;
  if (prompt > context - limit) {
    ThrowUser("a prompt of ", prompt, " tokens and up to ", limit, " more do not fit the model's context of ", context,
              " tokens; shorten the prompt or lower the limit");
  }
  for (const auto* ids : {&request.prompt, &request.response_prefix}) {
    for (int32_t id : *ids) {
      if (id >= 0 && id < engine_.config().vocab_size) continue;
      ThrowUser("token id ", id, " is not in the model's vocabulary of ", engine_.config().vocab_size, " tokens");
    }
  }
  if (request.budget) {
    for (int32_t id : request.budget->close_ids) {
      if (id >= 0 && id < vocab_) continue;
      ThrowUser("token id ", id, " of the closing text is not in the model's vocabulary");
    }
  }
  if (RootPages(request) + OwnPages(request) > pages_left_) {
    ThrowUser("a prompt of ", prompt, " tokens and up to ", limit, " more do not fit the KV cache, which has room for ",
              pages_left_ * kPage, " tokens; make it larger or lower the limit");
  }
}

// Whole pages of the prompt are shared by its samples; its last page, when it is not whole, is copied by each of them.
int64_t GenerateSchedule::RootPages(const GenerateRequest& request) const {
  const int64_t tokens = RootTokens(request);
  return tokens / kPage + (request.num_samples > 1 && tokens % kPage != 0 ? 1 : 0);
}

int64_t GenerateSchedule::OwnPages(const GenerateRequest& request) const {
  return PagesFor(static_cast<int64_t>(request.prompt.size()) + Limit(request)) - RootTokens(request) / kPage;
}

// The next completion in line; false when it has to wait.
bool GenerateSchedule::AdmitNext() {
  if (next_sample_ == 0 && next_request_ == requests_.size()) return false;
  if (slots_.size() >= static_cast<size_t>(options_.max_batch)) return false;
  const size_t index = next_sample_ == 0 ? next_request_ : next_request_ - 1;
  const GenerateRequest& request = requests_[index];
  const int64_t own = OwnPages(request);
  if (next_sample_ == 0) {
    const int64_t shared = RootPages(request);
    if (shared + own > pages_left_) return false;
    pages_left_ -= shared;
    auto root = std::make_unique<Root>();
    root->request = index;
    root->tokens = request.prompt;
    root->tokens.insert(root->tokens.end(), request.response_prefix.begin(), request.response_prefix.end());
    if (!request.adapter) {
      root->switch_at = static_cast<int64_t>(root->tokens.size());
    } else if (request.adapter->activation() == Activation::kInvocation) {
      root->switch_at = request.invocation_start;
    }
    root->unfinished = request.num_samples;
    root->pages = shared;
    root->admitted = Clock::now();
    roots_.push_back(std::move(root));
    ++next_request_;
  } else if (own > pages_left_) {
    return false;
  }
  pages_left_ -= own;
  Root* root = roots_.back().get();
  Completion* out = &results_[index][static_cast<size_t>(next_sample_)];
  slots_.push_back(std::make_unique<Slot>(
      Slot{.root = root, .sample = next_sample_, .pages = own, .limit = Limit(request),
           .closer = BudgetCloser(&tokenizer_, request.budget ? &*request.budget : nullptr), .pending = {}, .out = out,
           .admitted = Clock::now()}));
  Slot& slot = *slots_.back();
  for (int32_t token : request.response_prefix) {
    slot.closer.Append(token);
    out->tokens.push_back(token);
    out->logprobs.push_back(0);
  }
  if (!out->tokens.empty() && tokenizer_.IsEnd(out->tokens.back())) {
    Finish(slot, Finish::kStop);
  } else if (static_cast<int64_t>(out->tokens.size()) >= slot.limit) {
    Finish(slot, Finish::kLength);
  }
  next_sample_ = (next_sample_ + 1) % request.num_samples;
  return true;
}

void GenerateSchedule::Admit() {
  while (AdmitNext()) Sweep();
}

// Gives every admitted completion whose prompt is encoded a sequence of its own, and its first draw.
void GenerateSchedule::ForkReady() {
  for (const auto& slot : slots_) {
    Root& root = *slot->root;
    if (slot->sequence >= 0 || root.logits.empty()) continue;
    if (RequestOf(root).num_samples == 1) {
      slot->sequence = root.sequence;
      root.sequence = -1;
    } else {
      slot->sequence = engine_.Fork(root.sequence);
    }
    engine_.SetAdapter(slot->sequence, RequestOf(root).adapter);  // where the invocation is empty it begins only now
    draws_.push_back({slot.get(), root.logits.data(), {}});
  }
}

// Whether an earlier request of this very step computes a page that `root` could otherwise take over in the next step.
bool GenerateSchedule::WaitsForPrefix(const Root& root, int64_t started) const {
  if (!engine_.options().share_prefixes) return false;
  const int64_t end = started + kPage;
  if (end > static_cast<int64_t>(root.tokens.size()) || (root.switch_at > 0 && end > root.switch_at)) return false;
  const PackedAdapter* writer = root.switch_at > 0 ? nullptr : RequestOf(root).adapter.get();
  for (const Root* other : encoding_) {
    const PackedAdapter* other_writer = other->switch_at > 0 ? nullptr : RequestOf(*other).adapter.get();
    if (other_writer != writer || end > static_cast<int64_t>(other->tokens.size())) continue;
    if (other->switch_at > 0 && end > other->switch_at) continue;
    if (std::equal(root.tokens.begin(), root.tokens.begin() + end, other->tokens.begin())) return true;
  }
  return false;
}

// Prompts in order of admission, each up to its switch of adapter in one step and on from there in the next.
void GenerateSchedule::AddPrefillRows() {
  const size_t end = std::max(kStepRows, rows_.size() + kPromptRows);
  encoding_.clear();
  for (const auto& owned : roots_) {
    Root& root = *owned;
    if (rows_.size() >= end) break;
    const int64_t total = static_cast<int64_t>(root.tokens.size());
    if (root.encoded == total || root.unfinished == 0) continue;
    if (root.sequence < 0) {
      root.sequence = engine_.NewSequence();
      if (root.switch_at == 0) engine_.SetAdapter(root.sequence, RequestOf(root).adapter);
    }
    if (root.encoded == 0) {
      // The last token is computed in any case: its logits are wanted.
      const std::span<const int32_t> tokens(root.tokens.data(), static_cast<size_t>(total - 1));
      const WriterSpan writers[] = {{root.switch_at, nullptr}, {total, RequestOf(root).adapter}};
      root.encoded = engine_.AdoptPrefix(root.sequence, tokens, writers);
      if (WaitsForPrefix(root, root.encoded)) {
        engine_.Truncate(root.sequence, 0);
        root.encoded = 0;
        continue;
      }
    }
    if (root.encoded >= root.switch_at) engine_.SetAdapter(root.sequence, RequestOf(root).adapter);
    const int64_t phase_end = root.encoded < root.switch_at ? root.switch_at : total;
    for (; root.encoded < phase_end && rows_.size() < end; ++root.encoded) {
      rows_.push_back({root.sequence, root.tokens[root.encoded], root.encoded + 1 == total});
    }
    encoding_.push_back(&root);
  }
}

void GenerateSchedule::Step() {
  Admit();
  draws_.clear();
  ForkReady();
  Sample();
  Sweep();

  rows_.clear();
  for (const auto& slot : slots_) {
    for (size_t i = 0; i < slot->pending.size(); ++i) {
      rows_.push_back({slot->sequence, slot->pending[i], i + 1 == slot->pending.size()});
    }
  }
  AddPrefillRows();
  if (rows_.empty()) return;
  const size_t vocab = static_cast<size_t>(engine_.config().vocab_size);
  const auto wanted = std::count_if(rows_.begin(), rows_.end(), [](const ForwardRow& row) { return row.want_logits; });
  if (logits_.size() < static_cast<size_t>(wanted) * vocab) logits_.resize(static_cast<size_t>(wanted) * vocab);
  engine_.Forward(rows_, logits_.data());

  draws_.clear();
  const float* next = logits_.data();
  for (const auto& slot : slots_) {
    if (slot->pending.empty()) continue;
    slot->pending.clear();
    draws_.push_back({slot.get(), next, {}});
    next += vocab;
  }
  for (Root* root : encoding_) {
    if (root->encoded < static_cast<int64_t>(root->tokens.size())) continue;
    root->logits.assign(next, next + vocab);
    next += vocab;
  }
  Sample();
  Sweep();
}

void GenerateSchedule::Sample() {
  errors_.assign(draws_.size(), nullptr);
  engine_.pool().ParallelFor(static_cast<int64_t>(draws_.size()), 1, [this](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      Draw& draw = draws_[i];
      const GenerateRequest& request = RequestOf(*draw.slot->root);
      try {
        draw.token = pith::Sample(draw.logits, vocab_, request.sampling,
                                  request.first_sample + static_cast<uint64_t>(draw.slot->sample),
                                  draw.slot->out->tokens.size());
      } catch (...) {
        errors_[i] = std::current_exception();
      }
    }
  });
  for (const std::exception_ptr& error : errors_) {
    if (error) std::rethrow_exception(error);
  }
  for (Draw& draw : draws_) Take(*draw.slot, draw.token);
}

void GenerateSchedule::Take(Slot& slot, SampledToken sampled) {
  Completion& out = *slot.out;
  if (slot.closer.CloseBefore(sampled.id)) {
    const std::vector<int32_t>& close = RequestOf(*slot.root).budget->close_ids;
    const int64_t room = slot.limit - static_cast<int64_t>(out.tokens.size());
    out.forced_begin = static_cast<int64_t>(out.tokens.size());
    for (int64_t i = 0; i < std::min<int64_t>(room, static_cast<int64_t>(close.size())); ++i) Push(slot, close[i], 0);
    out.forced_end = static_cast<int64_t>(out.tokens.size());
  } else {
    Push(slot, sampled.id, sampled.logprob);
    if (tokenizer_.IsEnd(sampled.id)) return Finish(slot, Finish::kStop);
  }
  if (static_cast<int64_t>(out.tokens.size()) >= slot.limit) Finish(slot, Finish::kLength);
}

void GenerateSchedule::Push(Slot& slot, int32_t token, float logprob) {
  Completion& out = *slot.out;
  if (out.ttft_ms == 0) out.ttft_ms = MsSince(slot.admitted);
  out.tokens.push_back(token);
  out.logprobs.push_back(logprob);
  slot.closer.Append(token);
  slot.pending.push_back(token);
  ++generated_tokens_;
  if (options_.on_token) options_.on_token(slot.root->request, slot.sample, token);
}

void GenerateSchedule::Finish(Slot& slot, pith::Finish finish) {
  slot.out->finish = finish;
  slot.out->wall_ms = MsSince(slot.admitted);
  slot.done = true;
  --slot.root->unfinished;
  ++num_done_;
  if (options_.on_completion && finish != pith::Finish::kCancelled) options_.on_completion(slot.root->request, *slot.out);
}

// Drops what is done, and gives its room back.
void GenerateSchedule::Sweep() {
  const int64_t before = static_cast<int64_t>(slots_.size());
  std::erase_if(slots_, [this](const std::unique_ptr<Slot>& slot) {
    if (!slot->done) return false;
    if (slot->sequence >= 0) engine_.Free(slot->sequence);
    pages_left_ += slot->pages;
    return true;
  });
  if (static_cast<int64_t>(slots_.size()) == before) return;
  std::erase_if(roots_, [this](const std::unique_ptr<Root>& root) {
    if (root->unfinished > 0) return false;
    if (root->sequence >= 0) engine_.Free(root->sequence);
    pages_left_ += root->pages;
    return true;
  });
  if (options_.on_progress) options_.on_progress(num_done_, num_total_);
}

void GenerateSchedule::Cancel() {
  for (const auto& slot : slots_) {
    if (!slot->done) Finish(*slot, Finish::kCancelled);
  }
  if (next_sample_ > 0) --next_request_;
  for (; next_request_ < requests_.size(); ++next_request_, next_sample_ = 0) {
    for (size_t i = static_cast<size_t>(next_sample_); i < results_[next_request_].size(); ++i) {
      results_[next_request_][i].finish = Finish::kCancelled;
      ++num_done_;
    }
  }
}

}  // namespace pith
