// An adapter's proof: what its maker computed with it, so that whoever runs it can see that theirs does the same (docs/verify.md).
//
// It holds prompts as ids, and at their last positions the likeliest tokens' logits under the policy and, of the same tokens,
// under the bare base. The change that the adapter makes is the difference of the two. Of every pair it holds a mark: numbers
// from which the pair's content can be known again, whatever type it is stored in.
//
// A PEFT folder keeps it in pith_proof.json, a GGUF under pith.proof.*; files without one load as before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/model/model_config.h"
#include "base/tensor_view.h"

namespace pith {

struct LoraAdapter;
class PackedAdapter;
class BaseModel;
class GgufFile;
class GgufWriter;

inline constexpr int64_t kProofPositions = 4;  // of each prompt, the last ones
inline constexpr int64_t kProofTop = 8;        // tokens at each
inline constexpr int kProofSketches = 16;      // of each pair

struct ProofPrompt {
  std::vector<int32_t> ids;
  int64_t begin = 0;  // the adapter acts from here on; the base alone before
  bool operator==(const ProofPrompt&) const = default;
};

// Of s · B·A (out × in, rows in Hugging Face's order): its Frobenius norm, and uᵀ(s·B·A)v for pairs of vectors of signs that
// are the same for every adapter.
struct PairMark {
  std::string weight;  // "blk.0.attn_q.weight"
  double norm = 0;
  std::array<double, kProofSketches> sketches{};
};

struct RoleNorm {
  std::string target;  // "q_proj"
  double share = 0;    // ‖s·B·A‖ / ‖W‖ over all layers that it acts on
  bool operator==(const RoleNorm&) const = default;
};

// prompts × positions × tokens, in this order.
struct ProofLogits {
  std::vector<float> policy, base;
};

struct AdapterProof {
  std::string policy;                         // whose forward pass: "trainer" or "exporter"
  std::string adapter_sha256, base_sha256;    // AdapterHash() of the factors, identity of the base that computed it
  std::string template_sha256;                // of the prompts as rendered; empty: the base has no template, ids were drawn
  std::vector<ProofPrompt> prompts;
  int64_t positions = kProofPositions, top = kProofTop;
  std::vector<int32_t> top_ids;               // as `logits`
  ProofLogits logits;
  // As logits.policy, with the pairs as one GGUF stores them: computed by the exporter's engine in float32 on the proof's base. Empty in a PEFT folder,
  // and where the file was exported for another base.
  std::vector<float> stored_logits;
  std::vector<RoleNorm> norms;
  std::vector<PairMark> pairs;                // in the order of names

  size_t num_logits() const { return prompts.size() * static_cast<size_t>(positions * top); }
};

// The marks of all pairs. The adapter is no DoRA.
std::vector<PairMark> MarksOf(const LoraAdapter& adapter);
// True where s · B·A is zero in every pair, be its factors what they may.
bool HasNoEffect(std::span<const PairMark> marks);

// A pair as a file stores it: its mark, and what rounding to the stored types makes of it (one standard deviation, from the
// steps of the types at these values).
struct StoredPair {
  PairMark mark;
  double norm_noise = 0;                            // ‖rounding of s·B·A‖
  std::array<double, kProofSketches> sketch_noise{};
  // Share of it that rounding may have moved one way. q4_0 clips: a block's largest value is kept, one as large with the other sign becomes 7/8 of itself.
  // And values that are all alike, as after Adam's first step, round alike.
  double one_way = 0;
};
std::vector<StoredPair> StoredPairs(const PackedAdapter& adapter, const ModelConfig& base);

// All but top_ids and logits. The adapter is no DoRA and fits `base`. `ids` and `begins`: the prompts'; `template_sha256`: of these as rendered.
AdapterProof StartProof(const LoraAdapter& adapter, const BaseModel& base, const std::vector<std::vector<int32_t>>& ids, std::span<const int64_t> begins,
                        const std::string& template_sha256, const std::string& policy);
// Appends the rows of one position: of policy_V the likeliest tokens (ties: the lower id), and base_V at these.
void AddProofRow(std::span<const float> policy_V, std::span<const float> base_V, AdapterProof* proof);

inline constexpr char kProofFile[] = "pith_proof.json";
std::string ProofJson(const AdapterProof& proof);  // an object on a few lines
// UserError naming `origin` and what is wrong where the text is not a proof, or its lists do not fit one another.
AdapterProof ReadProofJson(const std::string& origin, const std::string& text);
void SetProofMetadata(const AdapterProof& proof, GgufWriter* writer);
std::optional<AdapterProof> ReadProofMetadata(const GgufFile& file);  // nothing: there is none. UserError likewise
// "16 prompts by the trainer, change 1.2e-02 of the weights": one line for people.
std::string ProofSentence(const AdapterProof& proof);

}  // namespace pith
