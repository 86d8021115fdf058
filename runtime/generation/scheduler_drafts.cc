// Speculation: tokens are drafted, run as rows of the pass behind the pending ones, and drawn and taken one by one as plain decoding would, as long as they turn
// out as drafted (runtime/speculation/drafter.h says why that is exact).
#include <algorithm>

#include "base/error.h"
#include "runtime/generation/scheduler_state.h"

namespace pith {

bool Scheduler::State::MayDraft(const Slot& slot) const { return slot.sequence >= 0 && !slot.done && slot.phase == Slot::kDecoding && !slot.pending.empty() && !slot.job->pooled(); }

// For each chain that decodes, unless a prompt is to be encoded: such a pass is long already, and tells nothing about what a row takes.
void Scheduler::State::DraftTokens() {
  const auto waits = [](const std::unique_ptr<Root>& root) { return root->encoded < static_cast<int64_t>(root->tokens.size()); };
  if (std::any_of(roots_.begin(), roots_.end(), waits)) return;
  Drafter& drafter = *options_.drafter;
  std::vector<Slot*> slots;
  std::vector<DraftRule::Chain> choice;
  int64_t rows = 0;
  chains_.clear();
  for (const auto& owned : slots_) {
    Slot& slot = *owned;
    rows += static_cast<int64_t>(slot.pending.size());
    // A draft that fills the response to its limit is no use: the last token is drawn from the logits before it.
    const int64_t size = static_cast<int64_t>(slot.out->tokens.size()), most = slot.closer.Limit(slot.limit) - size - 1;
    if (!MayDraft(slot) || most < 1) continue;
    std::vector<int32_t>& tokens = slot.drafts.tokens;
    const std::vector<int32_t>& prompt = slot.job->request.prompt;
    if (tokens.empty()) tokens = prompt;
    tokens.insert(tokens.end(), slot.out->tokens.begin() + static_cast<std::ptrdiff_t>(tokens.size() - prompt.size()), slot.out->tokens.end());
    slots.push_back(&slot);
    chains_.push_back({.sequence = slot.sequence, .tokens = tokens, .most = std::min(most, DraftRule::kMostTokens)});
    choice.push_back({&slot.drafts.acceptance, 0, chains_.back().most});
  }
  if (!drafter.costs_passes()) {
    drafter.Draft(chains_);
    for (size_t i = 0; i < slots.size(); ++i) {
      choice[i].evidence = chains_[i].evidence;
      choice[i].most = static_cast<int64_t>(chains_[i].draft.size());
    }
    rule_.Choose(choice, rows);
  } else {
    rule_.Choose(choice, rows);
    int64_t wanted = 0;
    for (size_t i = 0; i < slots.size(); ++i) {
      wanted += chains_[i].most = choice[i].count;
      chains_[i].draw = [this, slot = slots[i]](const float* logits, std::span<const int32_t> drafted) { return DrawOf(*slot, logits, drafted); };
    }
    const auto start = Clock::now();
    if (wanted > 0) drafter.Draft(chains_);
    int64_t drafted = 0;
    for (const DraftChain& chain : chains_) drafted += static_cast<int64_t>(chain.draft.size());
    rule_.NoteDraft(drafted, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    Speculation& drafts = slots[i]->drafts;
    drafts.draft = std::move(chains_[i].draft);
    drafts.evidence = chains_[i].evidence;
    drafts.run = std::min(drafts.draft.size(), static_cast<size_t>(choice[i].count));
    drafts.accepted = 0;
    drafts.length = engine_.Length(slots[i]->sequence) + static_cast<int64_t>(slots[i]->pending.size());
  }
}

int32_t Scheduler::State::DrawOf(const Slot& slot, const float* logits, std::span<const int32_t> drafted) const {
  try {
    return DrawToken(slot, logits, drafted).id;
  } catch (const UserError&) {  // values that are no numbers: the draft's own, or those of the request, which its next token tells of
    return -1;
  }
}

// Whether somebody has said something to this scheduler meanwhile, which plain decoding would hear before the next token.
bool Scheduler::State::IsTold() {
  const std::lock_guard lock(mutex_);
  return !inbox_.empty();
}

// After the first draw of each completion: those whose token is the drafted one draw again, from the logits behind it, and so on.
void Scheduler::State::SampleDrafts() {
  while (!draws_.empty()) {
    const bool told = IsTold();
    next_draws_.clear();
    for (const Draw& draw : draws_) {
      Speculation& drafts = draw.slot->drafts;
      if (drafts.accepted < drafts.draft.size()) {
        const int evidence = drafts.evidence == 0 ? 0 : drafts.evidence + static_cast<int>(drafts.accepted);
        drafts.acceptance.Note(evidence, draw.token.id == drafts.draft[drafts.accepted]);
      }
      if (told || !TakeDrafted(*draw.slot)) continue;
      next_draws_.push_back({draw.slot, drafts.logits + drafts.accepted * static_cast<size_t>(engine_.config().vocab_size), {}});
    }
    draws_.swap(next_draws_);
    Sample();
  }
  for (const auto& slot : slots_) Settle(*slot);
}

// The pass is over for this completion: what it has run in vain leaves the cache.
void Scheduler::State::Settle(Slot& slot) {
  Speculation& drafts = slot.drafts;
  if (drafts.run > drafts.accepted) engine_.Truncate(slot.sequence, drafts.length + static_cast<int64_t>(drafts.accepted));
  slot.out->usage.drafted_tokens += static_cast<int64_t>(drafts.run);
  slot.out->usage.accepted_tokens += static_cast<int64_t>(drafts.accepted);
  counts_.drafted_tokens += static_cast<int64_t>(drafts.run);
  counts_.accepted_tokens += static_cast<int64_t>(drafts.accepted);
  drafts.draft.clear();
  drafts.run = drafts.accepted = 0;
}

// The pending tokens that were run as drafts already need no further run. True where that is all of them, so that the next token can be drawn at once.
bool Scheduler::State::TakeDrafted(Slot& slot) {
  Speculation& drafts = slot.drafts;
  size_t same = 0;
  while (same < slot.pending.size() && drafts.accepted < drafts.run && slot.pending[same] == drafts.draft[drafts.accepted]) ++same, ++drafts.accepted;
  if (same == 0) return false;
  slot.pending.erase(slot.pending.begin(), slot.pending.begin() + static_cast<std::ptrdiff_t>(same));
  return slot.pending.empty() && !slot.done && slot.phase == Slot::kDecoding;
}

}  // namespace pith
