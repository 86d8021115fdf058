// An adapter's proof, made or replayed by the engine: the prompt by the base up to the invocation, then with the adapter, as
// generation does it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "adapters/proof.h"
#include "adapters/proof_check.h"
#include "adapters/verifier_head.h"
#include "runtime/engine.h"

namespace pith {

// Room in the cache that a replay needs (EngineOptions::kv_tokens), that of a verifier, where there is one, as well.
int64_t ReplayTokens(const AdapterProof& proof, const std::optional<VerifierHead>& verifier = {});

// Receives, prompt after prompt, the logits of one of its last positions: with the adapter, and of the base.
using ProofRow = std::function<void(size_t prompt, std::span<const float> policy_V, std::span<const float> base_V)>;

// Runs the prompts with `adapter` acting from begins[p] on. UserError where an id is not in the base's vocabulary, or a prompt is longer than
// its context.
void ReplayRows(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins, const ProofRow& row);
// The logits at the proof's top_ids.
ProofLogits Replay(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins);

// The verifier's logit behind each of the proof's prompts, whose responses are asked as finished ones are; and how far apart logits of this head lie
// with such hidden states: ‖w‖·‖h‖ / √D. The adapter carries a verifier.
struct VerifierReplay {
  std::vector<float> logits;
  std::vector<double> spreads;
};
VerifierReplay ReplayVerifier(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins);

// What the switcher says of each of the proof's prompts: of the mean of the base's hidden states over all that stands before the invocation. Prompts in which nothing
// does are left out. The adapter carries a switcher.
SwitcherReplay ReplaySwitcher(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins);

// Whether the first `num_prompts` prompts give the bits of `cold`, a Replay(), by an engine that may share prefixes and whose cache
// holds the same ids as the adapter, the base, and both in other places computed them.
bool WarmIsCold(std::shared_ptr<const BaseModel> base, EngineOptions options, const AdapterProof& proof, const AdapterRef& adapter,
                std::span<const int64_t> begins, size_t num_prompts, const ProofLogits& cold);

// As CheckProof() takes it: how far the base's logits may lie from float32's in this arithmetic, as a share of their own root mean
// square. Measured; docs/verify.md has the table.
double ArithmeticNoise(const EngineOptions& options);

}  // namespace pith
