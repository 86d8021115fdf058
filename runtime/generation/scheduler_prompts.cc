// Prompts on their way into the cache.
#include <algorithm>

#include "runtime/generation/scheduler_state.h"

namespace pith {

// The first token whose hidden state is pooled; where none is: behind the last.
int64_t Scheduler::State::PoolBegin(const Root& root) {
  const auto total = static_cast<int64_t>(root.tokens.size());
  return total - std::min(total, root.job->request.pool_tokens);
}

// Adds up what the step's prompts give, row by row in the order of rows_: the same sum however a prompt is cut into steps.
void Scheduler::State::Pool(const float* hidden_MD) {
  const auto d = static_cast<size_t>(engine_.config().d_model);
  for (Root* root : encoding_) {
    for (; root->pool_rows > 0; --root->pool_rows, hidden_MD += d) {
      root->pooled.resize(d);
      for (size_t i = 0; i < d; ++i) root->pooled[i] += hidden_MD[i];
    }
  }
}

// Takes over what is cached of the prompt at once, so that nobody else's pages push it out before it is its turn.
void Scheduler::State::AddRoot(Job& job) {
  const GenerateRequest& request = job.request;
  auto root = std::make_unique<Root>();
  root->job = &job;
  root->tokens = request.prompt;
  root->tokens.insert(root->tokens.end(), request.response_prefix.begin(), request.response_prefix.end());
  if (!request.adapter) {
    root->switch_at = static_cast<int64_t>(root->tokens.size());
  } else if (request.adapter->activation() == Activation::kInvocation) {
    root->switch_at = request.invocation_start;
  }
  roots_.push_back(std::move(root));
  roots_.back()->sequence = engine_.NewSequence();
  Adopt(*roots_.back());
}

// The longest cached beginning of the prompt, in place of what was taken over before: others may have computed more.
void Scheduler::State::Adopt(Root& root) {
  if (root.adopted_at == counts_.steps) return;  // nothing was computed since
  root.adopted_at = counts_.steps;
  engine_.Truncate(root.sequence, 0);
  const auto total = static_cast<int64_t>(root.tokens.size());
  // The last token is computed in any case: its logits are wanted. So are those whose hidden states are.
  const std::span<const int32_t> tokens(root.tokens.data(), static_cast<size_t>(std::min(total - 1, PoolBegin(root))));
  const WriterSpan writers[] = {{root.switch_at, nullptr}, {total, root.job->request.adapter}};
  root.encoded = engine_.AdoptPrefix(root.sequence, tokens, writers);
}

// Gives every admitted completion whose prompt is encoded a sequence of its own, and its first draw.
void Scheduler::State::ForkReady() {
  for (const auto& slot : slots_) {
    Root& root = *slot->root;
    if (slot->sequence >= 0 || root.logits.empty()) continue;
    if (slot->job->request.encode_only) {
      const double count = static_cast<double>(static_cast<int64_t>(root.tokens.size()) - PoolBegin(root));
      for (const double sum : root.pooled) slot->out->hidden.push_back(static_cast<float>(sum / count));
      Finish(*slot, Finish::kStop);
      continue;
    }
    if (slot->job->request.num_samples == 1) {
      slot->sequence = root.sequence;
      root.sequence = -1;
    } else {
      slot->sequence = engine_.Fork(root.sequence);
    }
    engine_.SetAdapter(slot->sequence, slot->job->request.adapter);  // where the invocation is empty it begins only now
    if (slot->phase == Slot::kEnding) {  // all of its response was given
      BeginCheck(*slot);
      continue;
    }
    draws_.push_back({slot.get(), root.logits.data(), {}});
  }
}

// Whether an earlier request that is being encoded computes a page, with the same writers, that `root` could otherwise take over when it is done.
bool Scheduler::State::WaitsForPrefix(const Root& root, int64_t started) const {
  if (!engine_.options().share_prefixes) return false;
  const int64_t end = started + Engine::kPageTokens;
  if (end > static_cast<int64_t>(root.tokens.size())) return false;
  const int64_t switch_at = std::min(root.switch_at, end);
  for (const Root* other : encoding_) {
    if (end > static_cast<int64_t>(other->tokens.size()) || std::min(other->switch_at, end) != switch_at) continue;
    if (switch_at < end && other->job->request.adapter != root.job->request.adapter) continue;
    if (std::equal(root.tokens.begin(), root.tokens.begin() + end, other->tokens.begin())) return true;
  }
  return false;
}

// Prompts in order of admission, each up to its switch of adapter in one step and on from there in the next. Where their share of
// the step is bounded they divide it, so that a short one does not wait for a long one.
void Scheduler::State::AddPrefillRows() {
  const size_t end = rows_.size() + share_.Rows(rows_.size());
  encoding_.clear();
  const auto is_open = [](const std::unique_ptr<Root>& root) { return root->encoded < static_cast<int64_t>(root->tokens.size()) && root->job->unfinished > 0; };
  auto open = static_cast<size_t>(std::count_if(roots_.begin(), roots_.end(), is_open));
  for (const auto& owned : roots_) {
    Root& root = *owned;
    if (rows_.size() >= end) break;
    if (!is_open(owned)) continue;
    const int64_t total = static_cast<int64_t>(root.tokens.size());
    const size_t own_end = share_.bounded() ? rows_.size() + (end - rows_.size() + open - 1) / open : end;
    --open;
    if (!root.begun) {
      Adopt(root);
      if (WaitsForPrefix(root, root.encoded)) continue;
      root.begun = true;
    }
    if (root.encoded >= root.switch_at) engine_.SetAdapter(root.sequence, root.job->request.adapter);
    const int64_t phase_end = root.encoded < root.switch_at ? root.switch_at : total;
    for (; root.encoded < phase_end && rows_.size() < own_end; ++root.encoded) {
      const bool pooled = root.encoded >= PoolBegin(root);
      root.pool_rows += pooled;
      rows_.push_back({root.sequence, root.tokens[static_cast<size_t>(root.encoded)], root.encoded + 1 == total, /*drafted=*/false, pooled});
    }
    encoding_.push_back(&root);
  }
}

}  // namespace pith
