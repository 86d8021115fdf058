// Completions for many prompts at once, as a closed list on a scheduler of its own.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/generation/request.h"
#include "runtime/speculation/drafter.h"

namespace pith {

struct GenerateOptions {
  int max_batch = 32;                                           // sequences decoded together
  std::shared_ptr<Drafter> drafter = nullptr;                   // and what follows: as SchedulerOptions has them
  bool draft_always = false;
  std::function<void(int64_t done, int64_t total)> on_progress = {};  // completions; may be empty
  std::function<bool()> cancelled = {};                          // polled once per step; may be empty
  std::function<void(size_t request, const TokenEvent& event)> on_token = {};  // streaming; may be empty
  // A completion that has come to its end, while others go on; not for cancelled ones; may be empty.
  std::function<void(size_t request, const Completion& completion)> on_completion = {};
  // Asked after each completion of a request: whether its other samples need not be finished. May be empty.
  std::function<bool(size_t request)> enough = {};
};

struct GenerateStats {
  int64_t prompt_tokens = 0, generated_tokens = 0;
  int64_t steps = 0, drafted_tokens = 0, accepted_tokens = 0;
  double seconds = 0;
};

// result[i] holds request i's num_samples completions. Each depends on its own request alone (batch invariance).
// UserError when a prompt and its max_tokens do not fit the model's context or the cache, or a budget cannot act.
std::vector<std::vector<Completion>> Generate(Engine& engine, const Tokenizer& tokenizer,
                                              std::span<const GenerateRequest> requests, const GenerateOptions& options,
                                              GenerateStats* stats = nullptr);

}  // namespace pith
