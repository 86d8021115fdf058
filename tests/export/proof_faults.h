// Faults for the tests of proofs: each is put in, judged, and counted by its kind.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "adapters/peft.h"
#include "adapters/proof_check.h"
#include "export/commands.h"
#include "export/prove.h"
#include "runtime/proof_replay.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {

inline const std::string kProofGolden = std::string(PITH_TEST_GOLDEN) + "/";

// Shares of the change that a fault may take without being seen (docs/verify.md): of what a file holds, twice the rounding of its types. Of what is
// computed with it: ProofFigures::unseen.
inline constexpr double kHiddenRoundings = 2, kHiddenInFloat32 = 2e-5;

inline double RmsOf(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

inline std::vector<float> ChangeOf(const ProofLogits& logits) {
  std::vector<float> change;
  for (size_t i = 0; i < logits.policy.size(); ++i) change.push_back(logits.policy[i] - logits.base[i]);
  return change;
}

class ProofFaults : public ::testing::Test {
 protected:
  struct Tally {
    int injected = 0, seen = 0;
    double largest_hidden = 0;  // as a share of the change
  };

  ProofFaults() {
    const std::string path = folder_ / "base.gguf";
    RunConvert({kProofGolden + "tiny-llama", {TensorType::kF32, {}}, path});
    base_ = BaseModel::Load(path);
  }

  static EngineOptions Options(const AdapterProof& proof) {
    EngineOptions options;
    options.num_threads = 1;
    options.activations = ActivationType::kF32;
    options.kv_type = KvType::kF32;
    options.kv_tokens = ReplayTokens(proof);
    options.share_prefixes = false;
    return options;
  }

  static std::vector<int64_t> BeginsOf(const AdapterProof& proof) {
    std::vector<int64_t> begins;
    for (const ProofPrompt& prompt : proof.prompts) begins.push_back(prompt.begin);
    return begins;
  }

  ProofEvidence Evidence(const AdapterProof& proof, const AdapterRef& adapter) {
    ProofEvidence evidence;
    evidence.pairs = StoredPairs(*adapter, base_->config());
    evidence.base_sha256 = base_->Identity();
    evidence.template_sha256 = proof.template_sha256;
    evidence.begins = BeginsOf(proof);
    Engine engine(base_, Options(proof));
    evidence.logits = Replay(engine, proof, adapter, evidence.begins);
    return evidence;
  }

  // What is right: adapter, type, proof, and what is computed with them.
  void Begin(const LoraAdapter& lora, TensorType type) {
    lora_ = lora;
    type_ = type;
    proof_ = ProveByEngine(base_, lora_);
    packed_ = Pack(lora_);
    ProveStored(base_, packed_, "test", &proof_);
    right_ = Evidence(proof_, packed_);
    const ProofResult result = CheckProof(proof_, right_);
    ASSERT_TRUE(result.ok()) << result.findings.front().sentence;
    rounding_ = result.figures.rounding;
    unseen_ = result.figures.unseen;
  }

  AdapterRef Pack(const LoraAdapter& lora) { return PackedAdapter::FromLora(lora, base_->config(), type_); }

  // `kinds`: names that the fault may have.
  void Judge(const std::string& fault, const AdapterProof& proof, const ProofEvidence& evidence, double bound, const std::set<std::string>& kinds) {
    const std::vector<float> change = ChangeOf(evidence.logits), right = ChangeOf(right_.logits);
    const double size = RmsOf(change, right) / RmsOf(right, std::vector<float>(right.size()));
    const ProofResult result = CheckProof(proof, evidence);
    Tally& tally = tallies_[fault];
    ++tally.injected;
    tally.seen += !result.ok();
    if (result.ok()) tally.largest_hidden = std::max(tally.largest_hidden, size);
    if (!(size > bound)) return;
    EXPECT_FALSE(result.ok()) << fault << " of " << size << " of the change, " << TypeName(type_) << ", bound " << bound;
    bool named = false;
    std::string all;
    for (const ProofFinding& finding : result.findings) {
      named |= kinds.contains(finding.kind);
      all += finding.kind + ": " + finding.sentence + "\n";
    }
    EXPECT_TRUE(named) << fault << " of " << size << ", " << TypeName(type_) << ":\n" << all;
  }

  // A fault of the exporter: what it computes with its file is of the fault, too.
  void JudgeFile(const std::string& fault, const LoraAdapter& lora, const std::set<std::string>& kinds) {
    const ProofEvidence evidence = Evidence(proof_, Pack(lora));
    AdapterProof proof = proof_;
    proof.stored_logits = evidence.logits.policy;
    Judge(fault, proof, evidence, kHiddenRoundings * rounding_ + kHiddenInFloat32, kinds);
  }

  // A fault of what runs a good file: the file's marks are right, the logits are those of `logits`.
  void JudgeRun(const std::string& fault, const ProofLogits& logits, const std::set<std::string>& kinds) {
    ProofEvidence evidence = right_;
    evidence.logits = logits;
    Judge(fault, proof_, evidence, unseen_, kinds);
  }

  void Report(const std::string& title) {
    int injected = 0;
    std::printf("%s; rounding %.2g, can hide %.2g\n", title.c_str(), rounding_, unseen_);
    for (const auto& [fault, tally] : tallies_) {
      std::printf("  %-34s %4d injected, %4d seen, largest hidden %.2g of the change\n", fault.c_str(), tally.injected, tally.seen, tally.largest_hidden);
      injected += tally.injected;
    }
    std::printf("  %d faults\n", injected);
    total_ += injected;
    tallies_.clear();
  }

  TempFolder folder_;
  std::shared_ptr<const BaseModel> base_;
  LoraAdapter lora_;
  TensorType type_ = TensorType::kF32;
  AdapterProof proof_;
  AdapterRef packed_;
  ProofEvidence right_;
  double rounding_ = 0, unseen_ = 0;
  std::map<std::string, Tally> tallies_;
  int total_ = 0;
};

inline LoraAdapter Alora() { return ReadPeft(kProofGolden + "tiny-alora"); }

}  // namespace pith
