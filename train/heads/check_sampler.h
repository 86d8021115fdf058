// What a verifier is fitted on: answers of the policy as it is shipped, each with the hidden state behind its check, by the engine that phones run.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/template/check_turn.h"
#include "runtime/generation/generate.h"
#include "train/session/session.h"

namespace pith {

class CheckSampler {
 public:
  // The adapter is packed as pith-export adapter packs it in check.type. UserError where the chat template takes no check.
  explicit CheckSampler(const Session& session);
  ~CheckSampler();

  // check.samples answers to each of `problems` (indices), with Completion::hidden. They depend on run.seed and the problem's index alone; ranks share the work.
  std::vector<std::vector<Completion>> Sample(std::span<const size_t> problems, GenerateStats* stats);
  const CheckTurn& turn() const { return turn_; }
  int64_t kv_tokens() const { return kv_tokens_; }

 private:
  const Session& session_;
  const CheckTurn turn_;
  AdapterRef adapter_;
  int64_t kv_tokens_ = 0;
  std::unique_ptr<Engine> engine_;
};

// Room in the cache that a step needs (EngineOptions::kv_tokens).
int64_t CheckKvTokens(const Session& session, const CheckTurn& turn);
int64_t CheckKvBytes(const Session& session, const CheckTurn& turn);

}  // namespace pith
