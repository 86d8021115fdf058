// The proof as JSON of a PEFT folder, and as metadata of a GGUF.
#include <cmath>
#include <cstdio>

#include "adapters/flat_record.h"
#include "adapters/lora_names.h"
#include "adapters/proof.h"
#include "base/error.h"
#include "base/gguf.h"

namespace pith {
namespace {

constexpr int64_t kProofVersion = 1;
constexpr char kPrefix[] = "pith.proof.";
constexpr size_t kMarkValues = 1 + kProofSketches;
constexpr int64_t kMaxProofPrompts = 1024, kMaxProofCounts = 1024;

// Both forms hold the same flat lists.
struct FlatProof {
  int64_t version = kProofVersion, positions = 0, top = 0;
  std::string policy, adapter_sha256, base_sha256, template_sha256;
  std::vector<int64_t> lengths, begins, ids, top_ids;
  std::vector<double> policy_logits, base_logits, stored_logits, norms, marks;
  std::vector<std::string> roles, pairs;

  // `visit(key, &member)` for all of them, in the order of files.
  template <class Visit>
  void ForEach(const Visit& visit) {
    visit("version", &version);
    visit("policy", &policy);
    visit("adapter_sha256", &adapter_sha256);
    visit("base_sha256", &base_sha256);
    visit("template_sha256", &template_sha256);
    visit("prompt_lengths", &lengths);
    visit("prompt_begins", &begins);
    visit("prompt_ids", &ids);
    visit("positions", &positions);
    visit("top", &top);
    visit("top_ids", &top_ids);
    visit("policy_logits", &policy_logits);
    visit("base_logits", &base_logits);
    visit("stored_logits", &stored_logits);
    visit("roles", &roles);
    visit("norms", &norms);
    visit("pairs", &pairs);
    visit("marks", &marks);
  }
};

FlatProof Flatten(const AdapterProof& proof) {
  FlatProof flat;
  flat.positions = proof.positions;
  flat.top = proof.top;
  flat.policy = proof.policy;
  flat.adapter_sha256 = proof.adapter_sha256;
  flat.base_sha256 = proof.base_sha256;
  flat.template_sha256 = proof.template_sha256;
  for (const ProofPrompt& prompt : proof.prompts) {
    flat.lengths.push_back(static_cast<int64_t>(prompt.ids.size()));
    flat.begins.push_back(prompt.begin);
    flat.ids.insert(flat.ids.end(), prompt.ids.begin(), prompt.ids.end());
  }
  flat.top_ids.assign(proof.top_ids.begin(), proof.top_ids.end());
  flat.policy_logits.assign(proof.logits.policy.begin(), proof.logits.policy.end());
  flat.base_logits.assign(proof.logits.base.begin(), proof.logits.base.end());
  flat.stored_logits.assign(proof.stored_logits.begin(), proof.stored_logits.end());
  for (const RoleNorm& norm : proof.norms) {
    flat.roles.push_back(norm.target);
    flat.norms.push_back(norm.share);
  }
  for (const PairMark& mark : proof.pairs) {
    flat.pairs.push_back(mark.weight);
    flat.marks.push_back(mark.norm);
    flat.marks.insert(flat.marks.end(), mark.sketches.begin(), mark.sketches.end());
  }
  return flat;
}

[[noreturn]] void Damaged(const std::string& origin, const std::string& what) {
  ThrowUser("'", origin, "': the adapter's proof ", what, "; export the adapter again");
}

int32_t TokenId(const std::string& origin, int64_t id) {
  if (id < 0 || id > INT32_MAX) Damaged(origin, Str("holds the token ", id));
  return static_cast<int32_t>(id);
}

AdapterProof Unflatten(const std::string& origin, const FlatProof& flat) {
  const auto expect = [&](const char* list, size_t got, size_t expected) {
    if (got != expected) Damaged(origin, Str("has ", got, " values in ", list, ", expected ", expected));
  };
  if (flat.policy != "trainer" && flat.policy != "exporter") Damaged(origin, Str("is by '", flat.policy, "', expected trainer or exporter"));
  AdapterProof proof;
  proof.policy = flat.policy;
  proof.adapter_sha256 = flat.adapter_sha256;
  proof.base_sha256 = flat.base_sha256;
  proof.template_sha256 = flat.template_sha256;
  for (const int64_t count : {flat.positions, flat.top}) {
    if (count < 1 || count > kMaxProofCounts) Damaged(origin, Str("has ", flat.positions, " positions of ", flat.top, " tokens"));
  }
  proof.positions = flat.positions;
  proof.top = flat.top;
  if (flat.lengths.empty() || flat.lengths.size() > kMaxProofPrompts) Damaged(origin, Str("has ", flat.lengths.size(), " prompts"));
  expect("prompt_begins", flat.begins.size(), flat.lengths.size());
  size_t at = 0;
  for (size_t i = 0; i < flat.lengths.size(); ++i) {
    const int64_t length = flat.lengths[i], left = static_cast<int64_t>(flat.ids.size() - at);
    if (length < flat.positions || length > left || flat.begins[i] < 0 || flat.begins[i] > length) {
      Damaged(origin, Str("has a prompt of ", length, " tokens, where the adapter begins at ", flat.begins[i], ", and ", left, " tokens for it"));
    }
    ProofPrompt& prompt = proof.prompts.emplace_back();
    prompt.begin = flat.begins[i];
    for (int64_t n = 0; n < length; ++n) prompt.ids.push_back(TokenId(origin, flat.ids[at++]));
  }
  expect("prompt_ids", flat.ids.size(), at);
  for (const int64_t id : flat.top_ids) proof.top_ids.push_back(TokenId(origin, id));
  proof.logits.policy.assign(flat.policy_logits.begin(), flat.policy_logits.end());
  proof.logits.base.assign(flat.base_logits.begin(), flat.base_logits.end());
  expect("top_ids", flat.top_ids.size(), proof.num_logits());
  expect("policy_logits", flat.policy_logits.size(), proof.num_logits());
  expect("base_logits", flat.base_logits.size(), proof.num_logits());
  proof.stored_logits.assign(flat.stored_logits.begin(), flat.stored_logits.end());
  if (!proof.stored_logits.empty()) expect("stored_logits", proof.stored_logits.size(), proof.num_logits());
  expect("norms", flat.norms.size(), flat.roles.size());
  expect("marks", flat.marks.size(), flat.pairs.size() * kMarkValues);
  for (size_t i = 0; i < flat.roles.size(); ++i) proof.norms.push_back({flat.roles[i], flat.norms[i]});
  for (size_t i = 0; i < flat.pairs.size(); ++i) {
    if (!ParseWeightName(flat.pairs[i])) Damaged(origin, Str("names the weight '", flat.pairs[i], "'"));
    PairMark& mark = proof.pairs.emplace_back(PairMark{flat.pairs[i], flat.marks[i * kMarkValues], {}});
    for (size_t s = 0; s < kProofSketches; ++s) mark.sketches[s] = flat.marks[i * kMarkValues + 1 + s];
  }
  return proof;
}

}  // namespace

std::string ProofJson(const AdapterProof& proof) { return RecordJson(Flatten(proof)); }

AdapterProof ReadProofJson(const std::string& origin, const std::string& text) {
  return Unflatten(origin, ReadRecordJson<FlatProof>(text, [&](const std::string& what) { Damaged(origin, what); }));
}

void SetProofMetadata(const AdapterProof& proof, GgufWriter* writer) { SetRecordMetadata(kPrefix, Flatten(proof), writer); }

std::optional<AdapterProof> ReadProofMetadata(const GgufFile& file) {
  const auto record = ReadRecordMetadata<FlatProof>(kPrefix, file, [&](const std::string& what) { Damaged(file.path(), what); });
  if (!record) return {};
  return Unflatten(file.path(), *record);
}

std::string ProofSentence(const AdapterProof& proof) {
  double smallest = 0, largest = 0;
  for (const RoleNorm& norm : proof.norms) {
    smallest = &norm == proof.norms.data() ? norm.share : std::min(smallest, norm.share);
    largest = std::max(largest, norm.share);
  }
  char share[64];
  std::snprintf(share, sizeof share, smallest == largest ? "%.2g" : "%.2g to %.2g", smallest, largest);
  return Str(proof.prompts.size(), " prompts by the ", proof.policy, ", change ", share, " of the weights' norm");
}

}  // namespace pith
