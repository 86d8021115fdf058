// Whether an adapter at hand does what its proof says. Pure arithmetic: who loads and computes is runtime/proof_replay.h.
//
// Two readings are compared with the proof. The marks of the pairs as stored show what the file holds, within the rounding of
// its types; the change of the logits shows what is computed with it, within that rounding and the noise of the arithmetic.
// docs/verify.md says where the bounds come from, and how large a fault they leave unseen.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/proof.h"
#include "adapters/switcher_head.h"
#include "adapters/verifier_head.h"

namespace pith {

// Of the arithmetic a replay runs in: how far its logits may lie from float32's, root mean square over a prompt, as a share of
// the logits' own. runtime/proof_replay.h knows it for each setting of the engine.
inline constexpr double kFloat32Noise = 2e-5;

struct ProofEvidence {
  std::vector<StoredPair> pairs;
  std::string base_sha256;               // of the base at hand
  bool any_base = false;                 // another base is meant
  std::optional<std::string> template_sha256;  // of the prompts as this base's template renders them; nothing: not looked at
  bool same_ids = true;                  // and whether its tokenizer makes the proof's ids of them
  std::vector<int64_t> begins;           // where the adapter at hand begins to act in each prompt
  ProofLogits logits;                    // of the replay, as the proof's
  double arithmetic_noise = kFloat32Noise;
  bool stale_kv = false;                 // a cache that others had filled gave other logits
};

enum class ProofVerdict { kEqual, kWithinQuantisation, kDifferent, kWithoutEffect };
const char* ProofVerdictName(ProofVerdict verdict);  // "within quantisation"

struct ProofFinding {
  std::string kind;      // base, template, tokenizer, invocation, scale, pairs, logits, stale KV, effect, verifier, switcher
  std::string sentence;
};

// In units of logits, unless they say otherwise. Of prompts: the root mean square over a prompt's entries.
struct ProofFigures {
  double change = 0, expected_change = 0;  // over all prompts: of the replay, of the policy
  // Between the replay's change and the policy's, of the prompt where it comes closest to its bound.
  double deviation = 0, bound = 0, equal_bound = 0;
  // Likewise of the change that the exporter computed with the file as it is stored, where the proof has it: free of the rounding of types.
  double stored_deviation = 0, stored_bound = 0;
  double base_deviation = 0, base_bound = 0;  // of the base's logits, largest of a prompt
  double rounding = 0;                     // ‖rounding of s·B·A‖ / ‖s·B·A‖ by the stored types
  double scale = 1;                        // of the replay's change on the expected one, by least squares
  double verifier_deviation = 0, verifier_bound = 0;  // between the verifier's logits and those that its exporter computed, root mean square; bound 0: not looked at
  double switcher_deviation = 0, switcher_bound = 0;  // likewise of the switcher: of its logits or of its lengths, whichever come closer to their bound
  double unseen = 0;                       // the largest fault of the computation that is not seen, as a share of the change
};

struct ProofResult {
  ProofVerdict verdict = ProofVerdict::kEqual;
  std::vector<ProofFinding> findings;      // what is wrong; none: nothing
  ProofFigures figures;
  bool ok() const { return verdict == ProofVerdict::kEqual || verdict == ProofVerdict::kWithinQuantisation; }
};

ProofResult CheckProof(const AdapterProof& proof, const ProofEvidence& evidence);

// Holds a verifier's logits on the proof's prompts against head.proof_logits, where there are any, and adds what it finds to `result`.
// `spreads`: ‖w‖·‖h‖ / √D of each prompt. The noise of a hidden state has no direction of its own, so it moves the logit by about this share of it.
void CheckVerifier(const VerifierHead& head, std::span<const float> logits, std::span<const double> spreads, double arithmetic_noise, ProofResult* result);

// The same of a switcher's logits and lengths, arm by arm within a prompt. Each list has as many entries as the head's own.
struct SwitcherReplay {
  std::vector<float> logits, tokens;
  std::vector<double> logit_spreads, token_spreads;
};
void CheckSwitcher(const SwitcherHead& head, const SwitcherReplay& replay, double arithmetic_noise, ProofResult* result);

// The part of CheckProof() that looks at what the file holds: findings of kinds scale and pairs.
std::vector<ProofFinding> CheckPairs(const std::vector<PairMark>& expected, const std::vector<StoredPair>& stored);

}  // namespace pith
