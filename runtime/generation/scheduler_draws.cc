// Which token the model would go on with, for each completion of a step.
#include "runtime/generation/penalties.h"
#include "runtime/generation/scheduler_state.h"

namespace pith {

void Scheduler::State::Sample() {
  errors_.assign(draws_.size(), nullptr);
  engine_.pool().ParallelFor(static_cast<int64_t>(draws_.size()), 1, [this](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      Draw& draw = draws_[static_cast<size_t>(i)];
      try {
        draw.token = DrawToken(*draw.slot, draw.logits, {});
      } catch (...) {
        errors_[static_cast<size_t>(i)] = std::current_exception();
      }
    }
  });
  for (size_t i = 0; i < errors_.size(); ++i) {
    if (errors_[i]) Fail(*draws_[i].slot->job, errors_[i]);
  }
  for (Draw& draw : draws_) Take(*draw.slot, draw.token);
}

// The token that comes behind the response, or behind it and `behind`, for which the rules of the response as it is hold still.
SampledToken Scheduler::State::DrawToken(const Slot& slot, const float* logits, std::span<const int32_t> behind) const {
  const GenerateRequest& request = slot.job->request;
  const Completion& out = *slot.out;
  const float* given = logits;
  const std::vector<int32_t> banned = Banned(slot);
  if (!banned.empty() || ChangesLogits(request.sampling)) {
    thread_local std::vector<float> changed;
    thread_local std::vector<int32_t> said;
    changed.assign(logits, logits + vocab_);
    std::span<const int32_t> response = out.said();
    if (!behind.empty()) {
      said.assign(response.begin(), response.end());
      said.insert(said.end(), behind.begin(), behind.end());
      response = said;
    }
    ChangeLogits(request.sampling, request.prompt, response, banned, changed);
    logits = changed.data();
  }
  SampledToken token = pith::Sample(logits, vocab_, request.sampling, request.first_sample + static_cast<uint64_t>(slot.sample), out.tokens.size() + behind.size());
  if (TooShort(slot) && !ChangesLogits(request.sampling)) token.logprob = LogProbability(given, vocab_, request.sampling.temperature, token.id);
  return token;
}

bool Scheduler::State::TooShort(const Slot& slot) { return static_cast<int64_t>(slot.out->tokens.size()) < slot.job->request.min_tokens; }

std::vector<int32_t> Scheduler::State::Banned(const Slot& slot) const {
  std::vector<int32_t> ids;
  const bool must_go_on = slot.closer.MustGoOn();
  if (must_go_on || TooShort(slot)) {
    ids = must_go_on ? endings_ : std::vector<int32_t>(tokenizer_.end_ids().begin(), tokenizer_.end_ids().end());
    const std::vector<int32_t>& stop_ids = slot.job->request.stop_ids;
    ids.insert(ids.end(), stop_ids.begin(), stop_ids.end());
  }
  if (slot.closer.MayNotThink()) ids.insert(ids.end(), tags_.begin(), tags_.end());
  return ids;
}

}  // namespace pith
